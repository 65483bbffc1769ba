"""Excluded patients are counted once each, by reason, and few ones are withheld."""

from client.fusion_site import FusionSite
from shared.errors import Level, Problem
from shared.report.haic_record import Exclusion
from simulations.haic.exclusions import CLINICAL, IMAGES, UNMATCHED, exclusions_of


def problem(where, level=Level.ERROR):
    return Problem(where, "found", "expected", "fix", level)


SITE = FusionSite(
    patients=(),
    columns={},
    problems=(
        problem("case 1, T2 FSE"),
        problem("case 2, column albumin_g_l (clinical row 3)"),
        problem("case 3, column patient_id"),
        problem("case 4, column patient_id"),
        problem("case 1, column albumin_g_l"),
        problem("case 5, column crp_mg_l", Level.WARNING),
        problem("held-out patients", Level.WARNING),
    ),
    excluded=4,
)


def test_a_patient_counts_under_the_first_problem_and_warnings_do_not_count():
    assert exclusions_of({"north": SITE}, 1) == (
        Exclusion("north", IMAGES, 1),
        Exclusion("north", CLINICAL, 1),
        Exclusion("north", UNMATCHED, 2),
    )


def test_few_patients_are_withheld_unless_they_are_invented():
    assert {row.patients for row in exclusions_of({"north": SITE}, 5)} == {None}


def test_a_clean_site_has_no_row():
    assert exclusions_of({"north": FusionSite((), {}, (), 0)}, 1) == ()
