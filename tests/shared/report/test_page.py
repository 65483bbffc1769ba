import re
from dataclasses import replace

import pytest

from shared.report.drawings import draw_all
from shared.report.page import render_report


@pytest.fixture(scope="module")
def page(record):
    return render_report(record, draw_all(record))


def test_the_page_asks_nobody_for_anything(page, outline_of):
    addresses = outline_of(page).addresses

    assert all(a.startswith(("#", "data:image/png;base64,")) for a in addresses)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "default-src 'none'" in page
    assert "<script" not in page


def test_the_page_can_be_read_out(page, outline_of):
    outline = outline_of(page)

    assert '<html lang="en">' in page
    assert outline.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False))
    assert outline.images_without_words == 0
    assert outline.tables == outline.captions > 0
    assert len(set(outline.ids)) == len(outline.ids)


def test_links_inside_the_page_lead_somewhere(page, outline_of):
    outline = outline_of(page)

    assert {a[1:] for a in outline.addresses if a.startswith("#")} <= set(outline.ids)


def test_the_event_is_named_and_no_class_is_called_positive(page, outline_of):
    words = " ".join(outline_of(page).text)

    assert "objective response (CR or PR)" in words
    assert not re.search(r"\b(positive|negative)\b", words, re.IGNORECASE)


def test_the_page_says_what_it_is_not_for(page, outline_of):
    words = " ".join(outline_of(page).text)

    assert "Research use only" in words
    assert "The patients are invented" in words
    assert "Heat maps show where the score is sensitive" in words


def test_the_page_shows_the_numbers_of_the_record(page, record, outline_of):
    words = " ".join(outline_of(page).text)

    for arm in record.arms:
        assert arm.name in words
        assert f"{arm.auc.value:.2f}" in words
    for phase in ("Plain phase", "Arterial phase", "Portal phase"):
        assert phase in words
    assert "0.91" in words
    assert record.code_digest in words


def test_names_from_outside_cannot_become_markup(record, outline_of):
    evil = "<script>alert(1)</script>&\"'"
    sites = (replace(record.sites[0], site=evil), *record.sites[1:])
    rounds = tuple(replace(r, site_training_losses={evil: 0.5}) for r in record.rounds)
    arms = (*record.arms[:2], replace(record.arms[2], name=f"site alone: {evil}"))
    overlays = (replace(record.overlays[0], caption=evil, png_base64=f'"{evil}'),)
    hostile = replace(
        record, run=evil, sites=sites, rounds=rounds, arms=arms, notes=(evil,), overlays=overlays
    )

    page = render_report(hostile, draw_all(hostile))

    outline_of(page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_run_without_results_still_gives_a_page_that_says_so(bare_record, outline_of):
    page = render_report(bare_record, draw_all(bare_record))
    words = " ".join(outline_of(page).text)

    assert "could not be evaluated" in words
    assert "No round was completed" in words
    assert "<svg" not in page
    assert "The patients are invented" not in words


def test_withheld_numbers_appear_as_a_dash_and_leave_no_total(page):
    row = re.search(r"<tr><th scope=\"row\">Clinic West</th>(.*?)</tr>", page)[1]
    total = re.search(r"<tr><th scope=\"row\">All sites</th>(.*?)</tr>", page)[1]

    assert re.findall(r"<td>(.*?)</td>", row) == ["20", "–", "10", "2", "8", "–", "80"]
    assert re.findall(r"<td>(.*?)</td>", total) == ["80", "–", "40", "8", "32", "–", "320"]
