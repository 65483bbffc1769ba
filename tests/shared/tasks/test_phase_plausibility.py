"""Claimed phases against the brightness of the liver."""

import numpy as np
import pytest

from shared.errors import PreparationError
from shared.tasks.phase_plausibility import check_enhancement
from shared.vocabulary import CtPhase

PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)


def _study(*livers_hu):
    values = np.full((2, len(livers_hu), 64, 64), -1000.0, dtype=np.float32)
    for number, liver_hu in enumerate(livers_hu):
        values[:, number, 8:56, 8:56] = liver_hu
    return values


def test_usual_livers_pass_without_a_word():
    assert check_enhancement(_study(55, 65, 110), PHASES, 4.0, set()) == ()


@pytest.mark.parametrize(
    ("livers_hu", "where"),
    [
        ((105, 65, 130), ["plain phase"]),
        ((50, 65, 52), ["portal phase"]),
        ((75, 85, 78), ["portal phase"]),
        ((110, 65, 55), ["plain phase", "portal phase"]),
    ],
)
def test_livers_of_another_brightness_are_a_question(livers_hu, where):
    with pytest.raises(PreparationError) as caught:
        check_enhancement(_study(*livers_hu), PHASES, 4.0, set())
    assert [problem.where for problem in caught.value.problems] == where


def test_a_person_who_looked_is_believed_with_a_notice():
    confirmed = {CtPhase.PLAIN, CtPhase.PORTAL}
    notices = check_enhancement(_study(110, 65, 55), PHASES, 4.0, confirmed)
    assert len(notices) == 2
    assert all("Confirmed by a person" in notice for notice in notices)


def test_a_single_phase_is_checked_alone():
    assert check_enhancement(_study(110), (CtPhase.PORTAL,), 4.0, set()) == ()
    with pytest.raises(PreparationError):
        check_enhancement(_study(50), (CtPhase.PORTAL,), 4.0, set())


def test_images_without_soft_tissue_are_noted():
    empty = np.full((2, 1, 64, 64), -1000.0, dtype=np.float32)
    (notice,) = check_enhancement(empty, (CtPhase.PORTAL,), 4.0, set())
    assert "too little soft tissue" in notice
