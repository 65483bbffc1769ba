"""What an MR image's header says about how it was acquired: times, angles, field, kind."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from shared.dicom.elements import number, text, whole, words

MR_KEYWORDS = (
    *("ScanningSequence", "EchoPulseSequence", "SequenceName", "PulseSequenceName"),
    *("ScanOptions", "MRAcquisitionType", "RepetitionTime", "FlipAngle", "EchoTrainLength"),
    *("MagneticFieldStrength", "ImagingFrequency", "InversionTime", "TriggerTime"),
    *("DiffusionBValue", "EchoPlanarPulseSequence", "ComplexImageComponent"),
)
"""Elements that ``read_mr_parameters`` looks at."""

_HERTZ_FROM = 1e4
"""A larger frequency is in Hz, as United Imaging writes it; others write MHz."""

_GAUSS_FROM = 100.0
"""A larger field is in gauss, as old GE scanners write it."""

_ENHANCED_WORDS = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}


@dataclass(frozen=True)
class MrParameters:
    """How an MR image was acquired; empty or None where the header is silent.

    Attributes:
        scanning: Kinds of echo: SE spin, GR gradient, EP echo planar, IR inversion.
        sequence: The vendor's name of the pulse sequence.
        options: ScanOptions, in which FS means fat suppression.
        volumetric: Whether the acquisition is three-dimensional, where the header says so.
        repetition_ms: Time between excitations.
        flip_degrees: Angle of the excitation.
        echo_train: Echoes per excitation.
        field_tesla: Strength of the field.
        frequency_mhz: Frequency of the protons, which tells the field more exactly.
        inversion_ms: Time after an inversion.
        trigger_s: Time of this volume after the first of a dynamic series (GE).
        b_value: Diffusion weighting, s/mm².
        component: MAGNITUDE, PHASE, REAL or IMAGINARY of an enhanced image.
    """

    scanning: tuple[str, ...] = ()
    sequence: str = ""
    options: tuple[str, ...] = ()
    volumetric: bool | None = None
    repetition_ms: float | None = None
    flip_degrees: float | None = None
    echo_train: int | None = None
    field_tesla: float | None = None
    frequency_mhz: float | None = None
    inversion_ms: float | None = None
    trigger_s: float | None = None
    b_value: float | None = None
    component: str = ""


NOT_MR = MrParameters()
"""What images of other modalities carry."""


def read_mr_parameters(dataset: Dataset) -> MrParameters:
    """Read the acquisition parameters of a classic or enhanced MR image.

    Args:
        dataset: Its header.

    Returns:
        The parameters, with fields in tesla and frequencies in MHz whatever the vendor writes.
    """
    kind = text(dataset, "MRAcquisitionType").upper()
    field, frequency = number(dataset, "MagneticFieldStrength"), number(dataset, "ImagingFrequency")
    trigger = number(dataset, "TriggerTime")
    return MrParameters(
        scanning=_scanning(dataset),
        sequence=text(dataset, "SequenceName") or text(dataset, "PulseSequenceName"),
        options=tuple(word.upper() for word in words(dataset, "ScanOptions")),
        volumetric=None if kind not in ("2D", "3D") else kind == "3D",
        repetition_ms=number(dataset, "RepetitionTime"),
        flip_degrees=number(dataset, "FlipAngle"),
        echo_train=whole(dataset, "EchoTrainLength"),
        field_tesla=field / 1e4 if field is not None and field > _GAUSS_FROM else field,
        frequency_mhz=(
            frequency / 1e6 if frequency is not None and frequency > _HERTZ_FROM else frequency
        ),
        inversion_ms=number(dataset, "InversionTime"),
        trigger_s=None if trigger is None else trigger / 1e3,
        b_value=number(dataset, "DiffusionBValue"),
        component=text(dataset, "ComplexImageComponent").upper(),
    )


def _scanning(dataset: Dataset) -> tuple[str, ...]:
    classic = tuple(word.upper() for word in words(dataset, "ScanningSequence"))
    if classic:
        return classic
    planar = ("EP",) if text(dataset, "EchoPlanarPulseSequence").upper() == "YES" else ()
    return (*_ENHANCED_WORDS.get(text(dataset, "EchoPulseSequence").upper(), ()), *planar)
