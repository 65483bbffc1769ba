"""Exactly one volume per MRI sequence, or a sentence about each that is not."""

from dataclasses import replace

import pytest
from mr_headers import t1, t2

from shared.dicom.mri_roles import decide_sequences
from shared.errors import PreparationError
from shared.tasks.sequence_selection import select_sequences
from shared.vocabulary import MriRole, MriSequence

ARTERIAL, T2 = (MriSequence.T1_ARTERIAL,), (MriSequence.T2_FSE,)
DUAL = (MriSequence.DUAL_ECHO,)
PAIR = {"repetition_ms": 140.0}
OPPOSED = t1(4, "opp-phase", echo_ms=1.15, mr=PAIR)
IN_PHASE = t1(5, "in-phase", echo_ms=2.3, mr=PAIR)
FULL = (
    t2(3, "t2_fse", start="095000"),
    OPPOSED,
    IN_PHASE,
    t1(6, "arterial", start="100025"),
    t1(7, "portal", start="100110"),
    t1(8, "delayed", start="100300"),
)


def _select(series, sequences=tuple(MriSequence), confirmed=None):
    return select_sequences(decide_sequences(series, confirmed), sequences)


def _problems(series, sequences=tuple(MriSequence), confirmed=None):
    with pytest.raises(PreparationError) as refused:
        _select(series, sequences, confirmed)
    return refused.value.problems


def _numbers(chosen):
    return {s.value: v.decision.series.head.series_number for s, v in chosen.items()}


def _shifted(series, step_mm):
    """Give the series with another distance of its four slices."""
    slices = tuple(
        replace(one, position_mm=(0.0, 0.0, step_mm * place))
        for place, one in enumerate(series.instances)
    )
    return replace(series, instances=slices)


def test_a_full_study_gives_one_volume_per_sequence_and_opposed_phase_for_dual_echo():
    chosen, notices = _select(FULL)
    assert _numbers(chosen) == {
        "t1_arterial": 6,
        "t1_portal": 7,
        "t1_delayed": 8,
        "t2_fse": 3,
        "dual_echo": 4,
    }
    assert notices == ()


def test_every_missing_sequence_is_named_with_its_column():
    problems = _problems(FULL[3:4])
    assert [p.where for p in problems] == [
        "T1 portal",
        "T1 delayed",
        "T2 FSE",
        "Dual echo (opposed phase)",
    ]
    columns = ("t1_portal", "t1_delayed", "t2_fse", "opposed_phase")
    for problem, column in zip(problems, columns, strict=True):
        assert f"column {column}_series" in problem.fix
        assert problem.got == "none (the study has t1 arterial)"


def test_dual_echo_needs_its_opposed_image_and_not_its_partner():
    (problem,) = _problems([IN_PHASE], DUAL)
    assert "opposed_phase_series" in problem.fix
    chosen, notices = _select([OPPOSED], DUAL)
    assert _numbers(chosen) == {"dual_echo": 4}
    (notice,) = notices
    assert notice.startswith("Dual echo: the opposed-phase image has no in-phase partner")


def test_a_series_that_could_be_two_phases_is_a_question_and_never_a_choice():
    unclear = t1(6, "arterial portal")
    (problem,) = _problems([unclear], ARTERIAL)
    assert "series 6 (4 images): its description names several phases" in problem.got
    assert "column t1_arterial_series" in problem.fix
    chosen, _ = _select([unclear], ARTERIAL, {unclear.volume_id: MriRole.T1_ARTERIAL})
    assert _numbers(chosen) == {"t1_arterial": 6}


def test_two_t2_series_are_a_question_until_a_person_names_one():
    with_fat, without = t2(3, "t2_fse", start="095000"), t2(4, "t2_fse_fs", start="095300")
    (problem,) = _problems([with_fat, without], T2)
    assert problem.got == "2 candidates (series 3 (4 images), series 4 (4 images))"
    assert "column t2_fse_series" in problem.fix
    chosen, notices = _select([with_fat, without], T2, {without.volume_id: MriRole.T2_FSE})
    assert _numbers(chosen) == {"t2_fse": 4}
    assert notices == ()


def test_of_reconstructions_of_one_scan_the_thinnest_is_taken_with_a_notice():
    thick, thin = t2(3, "t2_fse"), _shifted(t2(4, "t2_fse"), 2.0)
    chosen, (notice,) = _select([thick, thin], T2)
    assert _numbers(chosen) == {"t2_fse": 4}
    assert notice.startswith("T2 FSE: there are several reconstructions of one scan; series 4")


def test_of_equal_reconstructions_the_corrected_one_is_taken_and_equal_ones_are_a_question():
    plain = t2(3, "t2_fse", image_type=("ORIGINAL", "PRIMARY", "M", "ND"))
    corrected = t2(4, "t2_fse", image_type=("ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"))
    chosen, notices = _select([plain, corrected], T2)
    assert _numbers(chosen) == {"t2_fse": 4}
    assert len(notices) == 1
    assert len(_problems([plain, t2(5, "t2_fse")], T2)) == 1


def test_of_repeated_arterial_scans_the_one_nearest_to_the_published_time_is_taken():
    times = ("100015", "100023", "100034")
    scans = [
        t1(6 + i, "t1_vibe_fs_tra_bh_art", start=start, bolus="100000")
        for i, start in enumerate(times)
    ]
    chosen, (notice,) = _select(scans, ARTERIAL)
    assert _numbers(chosen) == {"t1_arterial": 7}
    assert notice == (
        "T1 arterial: of 3 scans of this phase, series 7 (4 images) is nearest to 25 s after the "
        "injection and was taken."
    )


def test_of_delays_of_three_and_five_minutes_the_published_one_is_taken():
    scans = [
        t1(8, "t1_vibe_delay", start="100300", bolus="100000"),
        t1(9, "t1_vibe_delay", start="100500", bolus="100000"),
    ]
    chosen, _ = _select(scans, (MriSequence.T1_DELAYED,))
    assert _numbers(chosen) == {"t1_delayed": 8}


@pytest.mark.parametrize(
    "second",
    [
        t1(7, "arterial", start="100034"),  # no time of injection
        t1(7, "arterial", start="100034", bolus="100000", mr={"flip_degrees": 25.0}),
        t1(7, "arterial", start="100027", bolus="100000"),  # as far from 25 s as the first
    ],
)
def test_repeats_that_nothing_tells_apart_are_a_question(second):
    first = t1(6, "arterial", start="100023", bolus="100000")
    (problem,) = _problems([first, second], ARTERIAL)
    assert problem.got.startswith("2 candidates")


def test_a_broken_volume_beside_a_sound_one_is_left_out_with_a_notice():
    whole = t2(4, "t2_fse")
    broken = replace(whole, instances=(whole.instances[0], *whole.instances[2:]))
    chosen, notices = _select([t2(3, "t2_fse"), broken], T2)
    assert _numbers(chosen) == {"t2_fse": 3}
    assert notices[0].startswith("T2 FSE: another series was left out. Series 4")
    (problem,) = _problems([broken], T2)
    assert "column t2_fse_series" in problem.fix
