"""Four vendors' MR scanners as Chinese and Western departments run them, and one that says little.

Parameters are typical of liver protocols; Quan 2024 prints none (its supplementary table 1). They
follow what each vendor writes into its headers, so that roles can be read as in a hospital.
"""

from dataclasses import replace

from simulations.synthetic.mri_scanner import Coil, MrEncoding, MrImage, MrScanner, Pulse
from simulations.synthetic.scanner import FileLayout

_A, _P, _D = MrImage.T1_ARTERIAL, MrImage.T1_PORTAL, MrImage.T1_DELAYED
_T2, _IN, _OPP = MrImage.T2_FSE, MrImage.IN_PHASE, MrImage.OPPOSED


def _pulses(
    dynamic: Pulse, t2: Pulse, dual: Pulse, opposed_ms: float, in_ms: float
) -> dict[MrImage, Pulse]:
    return {
        **dict.fromkeys((_A, _P, _D), dynamic),
        _T2: t2,
        _OPP: replace(dual, echo_ms=opposed_ms),
        _IN: replace(dual, echo_ms=in_ms),
    }


_UIH = MrScanner(
    manufacturer="UIH",
    model="uMR 770",
    field_tesla=3.0,
    frequency_in_hertz=True,
    character_set="ISO_IR 192",
    layout=FileLayout.SERIES_FOLDERS,
    extension=".dcm",
    pulses=_pulses(
        Pulse(("GR",), ("SP",), ("FS",), True, 3.3, 1.5, 10.0, 1, "quick3d"),
        Pulse(("SE",), ("SK",), ("FS", "RG"), False, 3400.0, 85.0, 110.0, 22, "fse_mx"),
        Pulse(("GR",), ("SP",), (), False, 140.0, 1.15, 55.0, 2, "gre_dual"),
        1.15,
        2.3,
    ),
    descriptions={
        _A: "quick3d_tra_fs_bh_动脉期",
        _P: "quick3d_tra_fs_bh_门脉期",
        _D: "quick3d_tra_fs_bh_延迟期",
        _T2: "t2_fse_tra_fs_trig",
        _IN: "t1_gre_tra_bh_同相位",
        _OPP: "t1_gre_tra_bh_反相位",
    },
    image_types=dict.fromkeys(MrImage, ("M", "NORMAL")),
    localizer_description="scout_定位",
    dual_echo_in_one_series=False,
    dynamic_in_one_series=False,
    bolus_time_share=0.8,
    agent_without_time=True,
    coil=Coil(bias=0.13, noise=11.0, blur_mm=0.7, gain=(0.9, 1.4)),
    encoding=MrEncoding(signed=False, bits_stored=16, slope=None),
    step_factor=1.0,
    head_first=True,
)

_SIEMENS = MrScanner(
    manufacturer="SIEMENS",
    model="Skyra",
    field_tesla=3.0,
    frequency_in_hertz=False,
    character_set="ISO_IR 100",
    layout=FileLayout.SERIES_FOLDERS,
    extension=".IMA",
    pulses=_pulses(
        Pulse(("GR",), ("SP", "OSP"), ("PFP", "FS"), True, 4.1, 1.9, 9.0, 1, "*fl3d1"),
        Pulse(("SE",), ("SK", "SP", "OSP"), ("FS",), False, 3900.0, 84.0, 140.0, 16, "*tse2d1_16"),
        Pulse(("GR",), ("SP", "OSP"), ("PFP",), False, 160.0, 1.23, 65.0, 1, "*fl2d2"),
        1.23,
        2.46,
    ),
    descriptions={
        _A: "t1_vibe_fs_tra_bh_art",
        _P: "t1_vibe_fs_tra_bh_portal venous",
        _D: "t1_vibe_fs_tra_bh_delay 3min",
        _T2: "t2_tse_fs_tra_trig",
        _IN: "t1_fl2d_opp-in_tra_bh_in",
        _OPP: "t1_fl2d_opp-in_tra_bh_opp",
    },
    image_types={
        **dict.fromkeys((_A, _P, _D, _T2), ("M", "NORM", "DIS2D")),
        _IN: ("M", "IN_PHASE", "NORM", "DIS2D"),
        _OPP: ("M", "OPP_PHASE", "NORM", "DIS2D"),
    },
    localizer_description="localizer_haste_3plane",
    dual_echo_in_one_series=False,
    dynamic_in_one_series=False,
    bolus_time_share=0.9,
    agent_without_time=True,
    coil=Coil(bias=0.16, noise=13.0, blur_mm=0.9, gain=(0.5, 0.9)),
    encoding=MrEncoding(signed=False, bits_stored=12, slope=None),
    step_factor=1.0,
    head_first=False,
)

_GE = MrScanner(
    manufacturer="GE MEDICAL SYSTEMS",
    model="Optima MR450w",
    field_tesla=1.5,
    frequency_in_hertz=False,
    character_set="ISO_IR 100",
    layout=FileLayout.FLAT,
    extension="",
    pulses=_pulses(
        Pulse(("GR",), ("SS", "SK"), ("FAST_GEMS", "FS"), True, 3.9, 1.8, 12.0, 1),
        Pulse(("SE",), ("SK",), ("RG", "FS"), False, 6300.0, 88.0, 111.0, 19),
        Pulse(("GR",), ("SS", "SP"), ("FAST_GEMS",), False, 150.0, 2.1, 80.0, 1),
        2.12,
        4.47,
    ),
    descriptions={
        _A: "Ax LAVA +C ARTERIAL",
        _P: "Ax LAVA +C PORTAL",
        _D: "Ax LAVA +C DELAYED",
        _T2: "Ax T2 FSE FS RTr",
        _IN: "Ax T1 Dual Echo BH",
        _OPP: "Ax T1 Dual Echo BH",
    },
    image_types=dict.fromkeys(MrImage, ("OTHER",)),
    localizer_description="3-pl Loc",
    dual_echo_in_one_series=True,
    dynamic_in_one_series=False,
    bolus_time_share=0.5,
    agent_without_time=True,
    coil=Coil(bias=0.10, noise=15.0, blur_mm=1.0, gain=(2.2, 3.6)),
    encoding=MrEncoding(signed=True, bits_stored=16, slope=None),
    step_factor=1.05,
    head_first=True,
)

_PHILIPS = MrScanner(
    manufacturer="Philips Medical Systems",
    model="Achieva",
    field_tesla=1.5,
    frequency_in_hertz=False,
    character_set="GB18030",
    layout=FileLayout.NESTED,
    extension="",
    pulses=_pulses(
        Pulse(("GR",), ("SP",), ("FS",), True, 4.0, 1.9, 10.0, 50),
        Pulse(("SE",), ("SK",), ("FS", "RG"), False, 1900.0, 80.0, 90.0, 21),
        Pulse(("GR",), ("SP",), (), False, 180.0, 2.3, 75.0, 2),
        2.3,
        4.6,
    ),
    descriptions={
        _A: "eTHRIVE 动脉期",
        _P: "eTHRIVE 门静脉期",
        _D: "eTHRIVE 延迟期",
        _T2: "T2W_TSE_SPAIR_RT",
        _IN: "T1W_FFE 双回波",
        _OPP: "T1W_FFE 双回波",
    },
    image_types={**dict.fromkeys(MrImage, ("M_FFE", "M", "FFE")), _T2: ("M_SE", "M", "SE")},
    localizer_description="Survey 定位",
    dual_echo_in_one_series=True,
    dynamic_in_one_series=False,
    bolus_time_share=0.3,
    agent_without_time=True,
    coil=Coil(bias=0.12, noise=12.0, blur_mm=0.8, gain=(0.7, 1.1)),
    encoding=MrEncoding(signed=False, bits_stored=12, slope=1.37),
    step_factor=1.1,
    head_first=False,
)

MR_SCANNERS: dict[str, MrScanner] = {
    "uih": _UIH,
    "siemens": _SIEMENS,
    "ge": _GE,
    "philips": _PHILIPS,
    "siemens-unnamed": replace(
        _SIEMENS,
        model="Aera",
        field_tesla=1.5,
        pulses=_pulses(_SIEMENS.pulses[_A], _SIEMENS.pulses[_T2], _SIEMENS.pulses[_IN], 2.38, 4.76),
        descriptions={
            **dict.fromkeys((_A, _P, _D), "t1_vibe_fs_tra_bh_dyn"),
            **dict.fromkeys((_IN, _OPP), "t1_fl2d_tra_bh"),
            _T2: "t2_tse_fs_tra_trig",
        },
        image_types=dict.fromkeys(MrImage, ("M", "NORM", "DIS2D")),
        dual_echo_in_one_series=True,
        dynamic_in_one_series=True,
        bolus_time_share=0.5,
        agent_without_time=False,
    ),
}
"""Known scanners by key.

The last names neither phases nor echoes and stores all enhanced images as one series: only times,
order and the echoes' physics tell, and where the time of the injection is missing, a person must.
"""
