"""Words and times for contrast phases."""

import pytest

from shared.dicom.phase_tables import (
    DEFAULT_TABLES,
    phase_at,
    phases_in_text,
    with_site_words,
)
from shared.vocabulary import CtPhase

P, A, V, D = CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL, CtPhase.DELAYED


@pytest.mark.parametrize(
    ("text", "phases"),
    [
        ("平扫 5mm", (P,)),
        ("上腹部动脉期", (A,)),
        ("门静脉期", (V,)),
        ("静脉期 1.25mm", (V,)),
        ("延迟期", (D,)),
        ("ＡＢＤ　动脉期", (A,)),
        ("Abdomen native 5.0 B30f", (P,)),
        ("NON CON ABD", (P,)),
        ("w/o contrast", (P,)),
        ("C- 5mm", (P,)),
        ("Unenhanced", (P,)),
        ("Abdomen ART 5.0 B30f", (A,)),
        ("late arterial phase", (A,)),
        ("LAP", (A,)),
        ("Liver_A_1.25", (A,)),
        ("Abdomen PORTAL VEN 5.0", (V,)),
        ("PVP", (V,)),
        ("PV PHASE", (V,)),
        ("Ax C+ V 5mm", (V,)),
        ("delayed 3min", (D,)),
        ("equilibrium", (D,)),
        ("70s delay", (V,)),
        ("delay 180 s", (D,)),
        ("35秒", (A,)),
        ("intravenous contrast", ()),
        ("CT Body 3.0", ()),
        ("THIN LUNG", ()),
        ("", ()),
    ],
)
def test_descriptions_name_their_phase(text, phases):
    assert phases_in_text(text) == phases


def test_a_description_of_several_phases_names_all_of_them():
    assert set(phases_in_text("动脉期+门脉期")) == {A, V}


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [(-60, P), (0, P), (25, A), (40, A), (70, V), (96, V), (180, D), (50, None), (112, None)],
)
def test_times_after_injection_name_their_phase_except_at_borders(seconds, phase):
    assert phase_at(seconds) is phase


def test_a_sites_own_words_count_before_all_others():
    tables = with_site_words(DEFAULT_TABLES, {A: ["Portal", "一期"], V: [" "], D: []})
    assert phases_in_text("ABD PORTAL 5.0", tables) == (A,)
    assert phases_in_text("上腹部一期", tables) == (A,)
    assert phases_in_text("portalvenous", tables) == (V,)  # another word
    assert phases_in_text("ABD 5.0", tables) == ()
