import re
from dataclasses import replace

import pytest

from shared.report.run_record import Measure
from shared.report.sentences import limitation_sentences, mean_site_alone, summary_sentences


def test_the_summary_says_who_what_and_how_well(record):
    said = " ".join(summary_sentences(record))
    area = record.arm("federated").auc

    assert "4 sites with synthetic patients trained one model together" in said
    assert "to tell objective response (CR or PR) from no objective response (SD or PD)" in said
    assert "reading the plain, arterial and portal phases of CT" in said
    assert "On 32 held-out patients, 11 with objective response (CR or PR)" in said
    assert f"AUC of {area.value:.2f} ({area.lower:.2f}–{area.upper:.2f})" in said
    assert "The weights of round 5 were kept." in said
    assert "In 1 round a site did not contribute." in said
    assert "best AUC that any model could reach on average is known too: 0.91" in said


def test_no_sentence_calls_a_class_positive(record, bare_record):
    said = " ".join(
        sentence
        for run in (record, bare_record)
        for sentence in (*summary_sentences(run), *limitation_sentences(run))
    )

    assert not re.search(r"\b(positive|negative)\b", said, re.IGNORECASE)


def test_the_mean_of_sites_alone_needs_every_site(record):
    areas = [arm.auc.value for arm in record.arms_alone()]
    arms = (*record.arms[:-1], replace(record.arms[-1], auc=Measure()))

    assert mean_site_alone(record) == pytest.approx(sum(areas) / 4)
    assert mean_site_alone(replace(record, arms=arms)) is None
    assert mean_site_alone(replace(record, arms=record.arms[:2])) is None


def test_a_run_on_real_patients_is_not_called_invented(record):
    real = replace(record, synthetic=False, bayes_auc=None)
    said = " ".join((*summary_sentences(real), *limitation_sentences(real)))

    assert "invented" not in said
    assert "synthetic" not in said


def test_few_events_and_a_single_seed_are_named_as_limits(record):
    few = " ".join(limitation_sentences(replace(record, seeds=())))
    many = replace(record.arms[0], events=60)
    enough = " ".join(limitation_sentences(replace(record, arms=(many, *record.arms[1:]))))

    assert "Only 11 held-out patients had objective response (CR or PR)" in few
    assert "One seed was run" in few
    assert "Only" not in enough
    assert "One seed was run" not in enough


def test_one_phase_is_told_in_the_singular(record):
    portal = replace(record, settings={**record.settings, "phases": "portal"})

    assert "reading the portal phase of CT" in summary_sentences(portal)[0]
