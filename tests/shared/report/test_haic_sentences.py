from dataclasses import replace

import pytest

from shared.report.haic_sentences import (
    haic_limitations,
    haic_summary,
    mean_alone,
    sum_or_none,
)


def test_the_summary_names_the_event_and_gives_all_three_areas(haic_record):
    said = " ".join(haic_summary(haic_record))

    fusion = haic_record.result("federated", "fusion").auc
    assert "progressive disease (PD) from disease control (CR, PR or SD)" in said
    assert (
        f"{fusion.value:.2f} ({fusion.lower:.2f}–{fusion.upper:.2f}) for image and clinic" in said
    )
    assert "for the image alone and" in said
    assert "6 times, 5 of them for scores of patients whom the network had not seen" in said
    assert "0.82 from the image, 0.78 from the clinic and 0.89 from both" in said


def test_a_machine_that_could_not_be_fitted_leaves_the_other_models_their_say(haic_record):
    federated = haic_record.arms[0]
    without = tuple(model for model in federated.models if model.model != "fusion")
    partial = replace(haic_record, arms=(replace(federated, models=without),))
    said = " ".join(haic_summary(partial))

    assert (
        "On 60 held-out patients, 15 with progressive disease (PD), the federated AUC was" in said
    )
    assert "There is no result for image and clinic together." in said


def test_differences_are_told_with_their_p_and_without_a_verdict(haic_record):
    tests = tuple(replace(t, difference=0.04, z=0.9, p=0.37) for t in haic_record.tests[:1])
    said = " ".join(haic_summary(replace(haic_record, tests=tests)))

    assert "fusion differs by 0.04 from image alone (P = 0.37)." in said
    assert "better" not in said
    assert "superior" not in said


def test_the_mean_of_sites_alone_needs_every_site(haic_record):
    areas = [arm.model("fusion").auc.value for arm in haic_record.arms_alone()]
    unknown = replace(haic_record.arms[2], models=haic_record.arms[2].models[:2])
    gap = replace(haic_record, arms=(*haic_record.arms[:2], unknown, *haic_record.arms[3:]))

    assert mean_alone(haic_record, "fusion") == pytest.approx(sum(areas) / 4)
    assert mean_alone(gap, "fusion") is None
    assert mean_alone(replace(haic_record, arms=()), "fusion") is None


def test_limitations_follow_from_what_the_record_holds(haic_record):
    said = " ".join(haic_limitations(haic_record))

    assert "The patients are invented" in said
    assert "Only 15 held-out patients had progressive disease (PD)" in said
    assert "The fusion machine weighs 32 features of 100 patients" in said
    assert "known only after treatment began" not in said
    assert "One seed was run" not in said


def test_the_paper_mode_is_said_to_leak_what_came_later(haic_record):
    paper = replace(haic_record, settings={**haic_record.settings, "paper-mode": True})

    assert "It is known only after treatment began" in " ".join(haic_limitations(paper))


def test_a_run_that_was_stopped_says_what_is_missing(bare_haic_record):
    said = haic_summary(bare_haic_record)

    assert "The federated models could not be evaluated on held-out patients." in said
    assert "No round was completed." in said


def test_a_sum_with_an_unknown_part_is_unknown():
    assert sum_or_none([1.0, 2.5]) == 3.5
    assert sum_or_none([1.0, None]) is None
    assert sum_or_none([]) is None
