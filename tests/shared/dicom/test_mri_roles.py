"""What every series of a liver MRI is, in the words and habits of four vendors."""

from dataclasses import replace

import pytest
from mr_headers import t1, t2

from shared.dicom.mr_exclusion import mr_exclusion_reason
from shared.dicom.mri_roles import decide_sequences
from shared.dicom.mri_tables import (
    DEFAULT_MRI_TABLES,
    SEQUENCE_OF,
    phase_after,
    phases_named,
    with_site_words,
)
from shared.dicom.series import group_series
from shared.vocabulary import MriRole, MriSequence

FULL = [
    MriRole.T2_FSE,
    MriRole.OPPOSED_PHASE,
    MriRole.IN_PHASE,
    MriRole.T1_PLAIN,
    MriRole.T1_ARTERIAL,
    MriRole.T1_PORTAL,
    MriRole.T1_DELAYED,
]


def _uih():
    """United Imaging uMR 770: quick3d dynamics in Chinese, dual echo as one series."""
    agent = {"bolus_agent": "Gd-EOB-DTPA"}
    return [
        t2(2, "t2_fse_fs_tra_trig", mr={"sequence": "fse_arms"}),
        t1(3, "gre_dual_tra_bh", echo_ms=1.15, mr={"repetition_ms": 130.0}, start="100100"),
        t1(3, "gre_dual_tra_bh", echo_ms=2.3, mr={"repetition_ms": 130.0}, start="100100"),
        t1(4, "t1_quick3d_tra_fs_bh_平扫", start="100200"),
        t1(5, "t1_quick3d_tra_fs_bh_动脉期", start="100425", **agent),
        t1(6, "t1_quick3d_tra_fs_bh_门脉期", start="100510", **agent),
        t1(7, "t1_quick3d_tra_fs_bh_延迟期", start="100700", **agent),
    ]


def _siemens():
    """Siemens: VIBE with the phases in the description, dual echo named by image type."""
    opposed = ("ORIGINAL", "PRIMARY", "M", "NORM", "OPP_PHASE")
    inside = ("ORIGINAL", "PRIMARY", "M", "NORM", "IN_PHASE")
    return [
        t2(2, "t2_tse_fs_tra_p2_mbh", mr={"sequence": "*tse2d1_17"}),
        t1(3, "t1_vibe_dixon_tra_opp", echo_ms=1.23, image_type=opposed),
        t1(4, "t1_vibe_dixon_tra_in", echo_ms=2.46, image_type=inside),
        t1(5, "t1_vibe_fs_tra_bh_pre", start="100200"),
        t1(6, "t1_vibe_fs_tra_bh_art", start="100425", bolus="100400"),
        t1(7, "t1_vibe_fs_tra_bh_ven", start="100510", bolus="100400"),
        t1(8, "t1_vibe_fs_tra_bh_3min", start="100705", bolus="100400"),
    ]


def _ge():
    """GE: LAVA dynamics with one time and a trigger each; dual echo with prefixes."""
    ms = {"scanning": ("GR",), "field_tesla": 1.5}
    return [
        t2(2, "Ax T2 FRFSE RTr FS", mr={"field_tesla": 1.5}),
        t1(3, "OutPhase: Ax Dual Echo", echo_ms=2.1, mr=ms),
        t1(4, "InPhase: Ax Dual Echo", echo_ms=4.4, mr=ms),
        t1(5, "Ax LAVA mask", mr=ms, start="100200"),
        t1(6, "Ax LAVA +C", mr={**ms, "trigger_s": 25.0}, start="100400", bolus="100400"),
        t1(7, "Ax LAVA +C", mr={**ms, "trigger_s": 70.0}, start="100400", bolus="100400"),
        t1(8, "Ax LAVA +C", mr={**ms, "trigger_s": 180.0}, start="100400", bolus="100400"),
    ]


def _philips():
    """Philips: eTHRIVE dynamics told by their order; dual FFE as one series of two echoes."""
    agent = {"bolus_agent": "Primovist", "description": "dyn_eTHRIVE_BH"}
    return [
        t2(201, "T2W_TSE_SPAIR_RT", echo_ms=80.0),
        t1(301, "DUAL FFE BH", echo_ms=1.15, mr={"repetition_ms": 180.0}, echo_number=1),
        t1(301, "DUAL FFE BH", echo_ms=2.3, mr={"repetition_ms": 180.0}, echo_number=2),
        t1(401, start="100200", **{**agent, "bolus_agent": ""}),
        t1(402, start="100425", **agent),
        t1(403, start="100510", **agent),
        t1(404, start="100700", **agent),
    ]


def _unique(series):
    """Give each volume of one series its own volume id, as grouping does."""
    instances = [one for candidate in series for one in candidate.instances]
    return group_series(
        replace(one, sop_uid=f"2.25.9.{number}") for number, one in enumerate(instances)
    )


def _roles(series, **options):
    return decide_sequences(series, **options)


@pytest.mark.parametrize("vendor", [_uih, _siemens, _ge, _philips])
def test_a_whole_study_is_named_in_every_vendors_dialect(vendor):
    decisions = _roles(_unique(vendor()))
    assert [one.role for one in decisions] == FULL
    assert all(one.confidence >= 0.6 and one.evidence and not one.question for one in decisions)
    used = {SEQUENCE_OF[one.role] for one in decisions if one.role in SEQUENCE_OF}
    assert used == set(MriSequence)


def test_volumes_of_one_series_are_told_apart_by_their_trigger_time():
    start = {"start": "100400", "bolus": "100400"}
    series = _unique([t1(6, "LAVA", mr={"trigger_s": s}, **start) for s in (25.0, 70.0, 180.0)])
    roles = [one.role for one in _roles(series)]
    assert roles == [MriRole.T1_ARTERIAL, MriRole.T1_PORTAL, MriRole.T1_DELAYED]


def test_text_and_time_that_agree_are_nearly_certain():
    (arterial,) = _roles([t1(6, "t1_vibe_art", start="100425", bolus="100400")])
    assert arterial.confidence == 0.95
    assert "acquired 25 s after the start of injection" in arterial.evidence


def test_order_alone_is_the_weakest_evidence_and_needs_the_agent():
    study = _philips()
    decisions = _roles(_unique(study))
    assert [one.confidence for one in decisions[3:]] == [0.6] * 4
    assert "volume 2 of 4 of a dynamic series" in decisions[4].evidence
    silent = [replace_agent(one, "") for one in study[3:]]
    asked = _roles(_unique(silent))
    assert [one.role for one in asked] == [None] * 4
    assert "volume 2 of 4 of a dynamic series" in asked[1].evidence


def replace_agent(series, agent):
    return replace(
        series, instances=tuple(replace(one, bolus_agent=agent) for one in series.instances)
    )


def test_intervals_that_fit_no_dynamic_study_are_a_question():
    agent = {"bolus_agent": "Gd"}
    starts = ("100400", "100405", "100410")  # three quick arterial volumes
    decisions = _roles([t1(n, "dyn", start=at, **agent) for n, at in enumerate(starts, 5)])
    assert [one.role for one in decisions] == [None] * 3


def test_a_phase_that_contradicts_its_time_is_a_question():
    (asked,) = _roles([t1(6, "动脉期", start="100700", bolus="100400")])
    assert asked.role is None
    assert "says t1_arterial and its time after injection t1_delayed" in asked.question


def test_a_fat_water_name_that_contradicts_the_echo_is_a_question():
    (asked,) = _roles([t1(3, "t1_in_phase", echo_ms=1.15)])
    assert asked.role is None
    assert "says in phase and its echo time says opposed" in asked.question


def test_a_weighting_that_contradicts_the_echoes_is_a_question():
    (asked,) = _roles([t1(3, "t2_tse_fs")])
    assert asked.role is None
    assert "another weighting" in asked.question


def test_phases_that_run_backwards_are_questions():
    decisions = _roles(
        [t1(5, "portal", start="100425"), t1(6, "arterial", start="100510")],
    )
    assert [one.role for one in decisions] == [None, None]
    assert "order of acquisition contradicts" in decisions[0].question


def test_in_and_opposed_images_of_an_enhanced_scan_are_not_dual_echo():
    inside = ("DERIVED", "PRIMARY", "DIXON", "IN")
    water = ("DERIVED", "PRIMARY", "DIXON", "WATER")
    fat = ("DERIVED", "PRIMARY", "DIXON", "FAT")
    decisions = _roles(
        [
            t1(5, "LAVA Flex art", echo_ms=2.3, image_type=inside),
            t1(6, "LAVA Flex art", echo_ms=2.3, image_type=water),
            t1(7, "LAVA Flex art", echo_ms=2.3, image_type=fat),
        ]
    )
    assert [one.role for one in decisions] == [MriRole.OTHER, MriRole.T1_ARTERIAL, MriRole.OTHER]


def test_one_echo_alone_is_no_dual_echo():
    (asked,) = _roles([t1(3, "t1_gre", echo_ms=2.3)])
    assert asked.role is None


def test_three_echoes_are_no_pair():
    decisions = _roles(_unique([t1(3, "multi echo", echo_ms=te) for te in (1.15, 2.3, 3.45)]))
    assert [one.role for one in decisions] == [None] * 3


def test_single_shot_is_told_from_fast_spin_echo():
    decisions = _roles([t2(2, "t2_haste_tra"), t2(3, "T2W_TSE_SPAIR")])
    assert [one.role for one in decisions] == [MriRole.T2_SINGLE_SHOT, MriRole.T2_FSE]


def test_a_person_overrides_every_header():
    series = t1(3, "t1_in_phase", echo_ms=1.15)
    (decision,) = _roles([series], confirmed={series.volume_id: MriRole.OPPOSED_PHASE})
    assert decision.role is MriRole.OPPOSED_PHASE
    assert decision.confidence == 1.0


def test_a_site_can_have_its_own_words():
    tables = with_site_words(DEFAULT_MRI_TABLES, {MriRole.T1_ARTERIAL: ["PORTAL", "一期"]})
    words = ("t1_vibe_portal", "t1_vibe_一期", "t1_vibe_venous")
    decisions = [_roles([t1(6, text)], tables=tables)[0] for text in words]
    assert [one.role for one in decisions] == [
        MriRole.T1_ARTERIAL,
        MriRole.T1_ARTERIAL,
        MriRole.T1_PORTAL,
    ]


def test_evidence_and_questions_never_quote_the_file():
    decisions = _roles([t1(6, "Wang^Xiao arterial portal"), t1(7, "Wang^Xiao")])
    said = " ".join(word for one in decisions for word in (*one.evidence, one.question))
    assert "Wang" not in said


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("增强 动脉期", (MriRole.T1_ARTERIAL,)),
        ("晚动脉期", (MriRole.T1_ARTERIAL,)),
        ("ＡＲＴ", (MriRole.T1_ARTERIAL,)),
        ("C+V", (MriRole.T1_PORTAL,)),
        ("t1_quick3d_70s", (MriRole.T1_PORTAL,)),
        ("t1_vibe_bh_18s", ()),
        ("平衡期", (MriRole.T1_DELAYED,)),
        ("C+Delay", (MriRole.T1_DELAYED,)),
        ("肝胆期 20min", (MriRole.T1_HEPATOBILIARY,)),
        ("t1_vibe_tra_pre", (MriRole.T1_PLAIN,)),
        ("蒙片", (MriRole.T1_PLAIN,)),
        ("InPhase", ()),
    ],
)
def test_words_of_phases(text, roles):
    assert phases_named(text) == roles


@pytest.mark.parametrize(
    ("seconds", "role"),
    [
        (-60.0, MriRole.T1_PLAIN),
        (25.0, MriRole.T1_ARTERIAL),
        (51.0, None),
        (70.0, MriRole.T1_PORTAL),
        (180.0, MriRole.T1_DELAYED),
        (1200.0, MriRole.T1_HEPATOBILIARY),
    ],
)
def test_times_of_phases(seconds, role):
    assert phase_after(seconds) is role


@pytest.mark.parametrize(
    ("series", "sentence"),
    [
        (t1(3, "ep2d_diff_b50_400_800"), "diffusion"),
        (t1(3, "DWI b=800"), "diffusion"),
        (t1(3, "x", mr={"scanning": ("EP", "SE")}), "echo planar"),
        (t2(3, "mrcp_3d"), "cholangiography"),
        (t2(3, "t2", echo_ms=700.0), "fluid alone"),
        (t1(3, "trufi_tra"), "balanced"),
        (t1(3, "R2* map"), "quantitative"),
        (t1(3, "x", image_type=("ORIGINAL", "PRIMARY", "P", "ND")), "magnitude"),
        (t1(3, "x", orientation=(1.0, 0.0, 0.0, 0.0, 0.0, -1.0)), "coronal"),
        (t1(3, "x", body_part="BRAIN"), "another part of the body"),
        (t1(3, "t1_vibe_art"), None),
        (t1(3, "矢状位 门脉期"), None),  # planes come from geometry, not from names
    ],
)
def test_series_that_are_no_liver_mri_are_left_out_with_the_reason(series, sentence):
    reason = mr_exclusion_reason(series)
    assert (reason is None) if sentence is None else (sentence in (reason or ""))
