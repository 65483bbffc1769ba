"""Which phase a series is, with evidence, or a question."""

from dataclasses import replace

import pytest
from ct_files import CtFiles, write_ct

from shared.dicom.phase_tables import DEFAULT_TABLES, PhaseTables
from shared.dicom.roles import decide_phases
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series
from shared.vocabulary import CtPhase


def _decide(folder, *series, confirmed=None, tables=DEFAULT_TABLES):
    for one in series:
        write_ct(folder / str(one.number), one)
    return decide_phases(group_series(scan_folder(folder).instances), confirmed, tables)


def test_text_and_time_that_agree_are_nearly_certain(tmp_path):
    (decision,) = _decide(
        tmp_path, CtFiles(description="门脉期", acquired="100110", bolus_start="100000")
    )
    assert decision.phase is CtPhase.PORTAL
    assert decision.confidence == 0.95
    assert "acquired 70 s after the start of injection" in decision.evidence


def test_time_alone_decides_a_silent_series(tmp_path):
    (decision,) = _decide(
        tmp_path, CtFiles(description="CT Body", acquired="000010", bolus_start="235940")
    )
    assert decision.phase is CtPhase.ARTERIAL  # 30 s, across midnight
    assert decision.confidence == 0.7


def test_text_against_time_is_a_question(tmp_path):
    (decision,) = _decide(
        tmp_path, CtFiles(description="arterial", acquired="100110", bolus_start="100000")
    )
    assert decision.phase is None
    assert "says arterial and its time after injection portal" in decision.question


def test_several_phases_in_one_description_are_a_question_unless_time_tells(tmp_path):
    (asked,) = _decide(tmp_path / "a", CtFiles(description="动脉期+门脉期"))
    (told,) = _decide(
        tmp_path / "b",
        CtFiles(description="动脉期+门脉期", acquired="100110", bolus_start="100000"),
    )
    assert asked.phase is None
    assert told.phase is CtPhase.PORTAL


def test_swapped_names_are_found_by_the_order_of_acquisition(tmp_path):
    decisions = _decide(
        tmp_path,
        CtFiles(number=2, description="plain", acquired="100000"),
        CtFiles(number=3, description="portal", acquired="100130"),
        CtFiles(number=4, description="arterial", acquired="100230"),
    )
    assert [d.phase for d in decisions] == [CtPhase.PLAIN, None, None]
    assert "order of acquisition contradicts" in decisions[1].question


def test_a_person_overrides_every_header(tmp_path):
    (decision,) = _decide(
        tmp_path,
        CtFiles(description="arterial"),
        confirmed={"2.25.1000.2": CtPhase.PORTAL},
    )
    assert decision.phase is CtPhase.PORTAL
    assert decision.confidence == 1.0


def test_three_silent_series_are_named_by_order_if_the_agent_agrees(tmp_path):
    silent = CtFiles(description="Abdomen 5.0")
    decisions = _decide(
        tmp_path,
        replace(silent, number=2, acquired="100000"),
        replace(silent, number=3, acquired="100130", agent="iohexol"),
        replace(silent, number=4, acquired="100230", agent="iohexol"),
    )
    assert [d.phase for d in decisions] == [CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL]
    assert {d.confidence for d in decisions} == {0.6}


@pytest.mark.parametrize("agents", [("", "", "iohexol"), ("iohexol",) * 3, ("", "", "")])
def test_order_alone_is_no_answer(tmp_path, agents):
    decisions = _decide(
        tmp_path,
        *(
            CtFiles(number=n, description="Abdomen", acquired=f"10{n:02d}00", agent=agent)
            for n, agent in enumerate(agents, 2)
        ),
    )
    assert [d.phase for d in decisions] == [None, None, None]


def test_a_protocol_that_names_one_phase_speaks_for_a_silent_description(tmp_path):
    (decision,) = _decide(
        tmp_path, CtFiles(description="5.0 B30f", extra={"ProtocolName": "肝脏门脉期"})
    )
    assert decision.phase is CtPhase.PORTAL
    assert "protocol names portal" in decision.evidence


def test_a_site_can_have_its_own_words(tmp_path):
    swapped = tuple(
        (
            {CtPhase.PORTAL: CtPhase.ARTERIAL, CtPhase.ARTERIAL: CtPhase.PORTAL}.get(phase, phase),
            pattern,
        )
        for phase, pattern in DEFAULT_TABLES.words
    )
    (decision,) = _decide(
        tmp_path, CtFiles(description="PORTAL"), tables=PhaseTables(words=swapped)
    )
    assert decision.phase is CtPhase.ARTERIAL


def test_evidence_and_questions_never_quote_the_file(tmp_path):
    (decision,) = _decide(tmp_path, CtFiles(description="Wang^Xiao arterial portal"))
    assert "Wang" not in " ".join([*decision.evidence, decision.question, decision.series.name])
