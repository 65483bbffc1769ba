import re
from dataclasses import replace

import pytest

from shared.report.haic_files import record_digest
from shared.report.haic_page import render_haic_report
from shared.report.haic_report import draw_haic
from shared.report.sign_off import SignOff


def _signature(digest):
    return SignOff("Li Wei", "principal investigator", "2026-11-23T08:00:00+00:00", digest)


@pytest.fixture(scope="module")
def page(haic_record):
    return render_haic_report(haic_record, draw_haic(haic_record), None)


@pytest.fixture(scope="module")
def words(page, outline_of):
    return " ".join(outline_of(page).text)


def test_the_page_asks_nobody_for_anything(page, outline_of):
    addresses = outline_of(page).addresses

    assert all(a.startswith(("#", "data:image/png;base64,")) for a in addresses)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "default-src 'none'" in page
    assert "<script" not in page


def test_the_page_can_be_read_out(page, outline_of):
    outline = outline_of(page)

    assert outline.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False))
    assert outline.images_without_words == 0
    assert outline.tables == outline.captions > 8
    assert len(set(outline.ids)) == len(outline.ids)
    assert {a[1:] for a in outline.addresses if a.startswith("#")} <= set(outline.ids)


def test_the_event_is_named_and_no_class_is_called_positive(words):
    assert "Sensitivity: share of patients with it for whom it was called" in words
    assert "The event is progressive disease (PD)" in words
    assert not re.search(r"\b(positive|negative)\b", words, re.IGNORECASE)


def test_every_part_that_was_asked_for_has_its_place(page, words):
    for title in (
        "Patients left out, and why",
        "DeLong's paired test",
        "Thresholds and errors",
        "AUC by cross-validation",
        "Penalties of the support vector machine",
        "Federated trainings of the network",
        "Run config",
        "Beside the published setting",
        "The slices have 64 x 96 pixels; as published: 320 x 450.",
        "Research use only",
        "Sign-off",
    ):
        assert title in words
    for name in ("roc", "forest", "calibration", "weights", "losses", "candidates"):
        assert f'id="fig_{name}-' in page


def test_heat_maps_stand_in_one_row_per_patient(page):
    strips = re.findall(r'<h3>(.*?)</h3>\n<div class="strip">(.*?)</div>', page, re.DOTALL)

    assert [title for title, _ in strips] == [
        "Invented patient with PD",
        "Invented patient with SD",
    ]
    assert [pictures.count("<img") for _, pictures in strips] == [5, 5]


def test_a_run_that_nobody_signed_says_so_at_the_top(page):
    assert re.search(r'<p class="status">Not signed off\.</p>', page)


def test_a_signature_of_this_record_is_shown_with_person_time_and_digest(haic_record):
    digest = record_digest(haic_record)
    page = render_haic_report(haic_record, {}, _signature(digest))

    assert (
        '<p class="status signed">Signed off by Li Wei (principal investigator), '
        "23 November 2026, 08:00 UTC.</p>"
    ) in page
    assert f"SHA-256 of the record signed off: {digest}" in page


def test_a_signature_of_another_record_does_not_hold_and_is_seen_not_to(haic_record):
    changed = replace(haic_record, notes=("One number was corrected.",))
    page = render_haic_report(changed, {}, _signature(record_digest(haic_record)))

    assert 'class="status signed"' not in page
    assert '<p class="status">Not signed off: the record was changed after Li Wei' in page


def test_names_from_outside_cannot_become_markup(haic_record, outline_of):
    evil = "<script>alert(1)</script>&\"'"
    arms = (*haic_record.arms[:2], replace(haic_record.arms[2], name=f"site alone: {evil}"))
    hostile = replace(
        haic_record,
        run=evil,
        notes=(evil,),
        arms=arms,
        exclusions=(replace(haic_record.exclusions[0], reason=evil),),
        overlays=(replace(haic_record.overlays[0], caption=evil, png_base64=f'"{evil}'),),
        network=evil,
    )
    signature = SignOff(evil, evil, evil, evil)

    page = render_haic_report(hostile, draw_haic(hostile), signature)

    outline_of(page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_run_without_results_still_gives_a_page_that_says_so(bare_haic_record, outline_of):
    page = render_haic_report(bare_haic_record, draw_haic(bare_haic_record), None)
    words = " ".join(outline_of(page).text)

    assert "could not be evaluated" in words
    assert "No round was completed" in words
    assert "<svg" not in page
    assert "The patients are invented" not in words
