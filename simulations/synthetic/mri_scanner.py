"""What an MR scanner is: pulses, words, header conventions, coil, noise, encoding."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.vocabulary import MriSequence
from simulations.synthetic.scanner import FileLayout

FAT_WATER_HZ_PER_TESLA = 3.4 * 42.577
"""Fat resonates 3.4 ppm below water; protons precess at 42.577 MHz per tesla."""


class MrImage(StrEnum):
    """The six images of the five sequences: dual echo yields two."""

    T1_ARTERIAL = "t1_arterial"
    T1_PORTAL = "t1_portal"
    T1_DELAYED = "t1_delayed"
    T2_FSE = "t2_fse"
    IN_PHASE = "in_phase"
    OPPOSED = "opposed"

    @property
    def sequence(self) -> MriSequence:
        """Name the sequence of Quan 2024 that the image belongs to."""
        return MriSequence.DUAL_ECHO if self in DUAL_ECHO else MriSequence(self.value)


DYNAMIC = (MrImage.T1_ARTERIAL, MrImage.T1_PORTAL, MrImage.T1_DELAYED)
"""The contrast-enhanced images, in the order of acquisition."""

DUAL_ECHO = (MrImage.OPPOSED, MrImage.IN_PHASE)
"""The two echoes, the shorter first."""


@dataclass(frozen=True)
class Pulse:
    """How one image is excited and read.

    Attributes:
        scanning: DICOM ScanningSequence.
        variant: DICOM SequenceVariant.
        options: DICOM ScanOptions.
        volumetric: Whether MRAcquisitionType is 3D.
        repetition_ms: DICOM RepetitionTime.
        echo_ms: DICOM EchoTime.
        flip_degrees: DICOM FlipAngle.
        echo_train: DICOM EchoTrainLength.
        name: DICOM SequenceName; empty where the vendor writes none.
    """

    scanning: tuple[str, ...]
    variant: tuple[str, ...]
    options: tuple[str, ...]
    volumetric: bool
    repetition_ms: float
    echo_ms: float
    flip_degrees: float
    echo_train: int
    name: str = ""


@dataclass(frozen=True)
class Coil:
    """What the receiving chain does to the signal.

    Attributes:
        bias: Standard deviation of each coefficient of the log bias field.
        noise: Standard deviation of the Rician noise's components; liver is about 400.
        blur_mm: Standard deviation of the in-plane point spread.
        gain: Smallest and largest factor between signal and stored number, drawn per series.
    """

    bias: float
    noise: float
    blur_mm: float
    gain: tuple[float, float]


@dataclass(frozen=True)
class MrEncoding:
    """How a vendor stores intensities as 16-bit words.

    Attributes:
        signed: Whether words are two's complement (always at least 0 here).
        bits_stored: 12 or 16.
        slope: Rescale slope; None where the vendor writes no rescale.
    """

    signed: bool
    bits_stored: int
    slope: float | None


@dataclass(frozen=True)
class MrScanner:
    """A site's MR scanner and how its staff name things.

    Attributes:
        manufacturer: DICOM Manufacturer.
        model: DICOM ManufacturerModelName.
        field_tesla: Field strength.
        frequency_in_hertz: Whether ImagingFrequency is written in Hz; the standard says MHz.
        character_set: DICOM SpecificCharacterSet.
        layout: How files lie on disk.
        extension: File extension with its dot, or nothing.
        pulses: How each image is acquired.
        descriptions: SeriesDescription of each image.
        image_types: Values that follow ORIGINAL, PRIMARY.
        localizer_description: SeriesDescription of the scout images.
        dual_echo_in_one_series: Whether both echoes share a SeriesInstanceUID.
        dynamic_in_one_series: Whether the three enhanced images share a SeriesInstanceUID.
        bolus_time_share: Share of studies whose enhanced series carry ContrastBolusStartTime.
        agent_without_time: Whether the agent is recorded where that time is not; else both come
            from a coupled injector and are missing together.
        coil: Gain, bias field, noise and blur.
        encoding: How intensities are stored.
        step_factor: Slice spacing relative to the cohort's.
        head_first: Whether instance 1 is nearest the head.
    """

    manufacturer: str
    model: str
    field_tesla: float
    frequency_in_hertz: bool
    character_set: str
    layout: FileLayout
    extension: str
    pulses: Mapping[MrImage, Pulse]
    descriptions: Mapping[MrImage, str]
    image_types: Mapping[MrImage, tuple[str, ...]]
    localizer_description: str
    dual_echo_in_one_series: bool
    dynamic_in_one_series: bool
    bolus_time_share: float
    agent_without_time: bool
    coil: Coil
    encoding: MrEncoding
    step_factor: float
    head_first: bool

    def series_of(self, image: MrImage) -> tuple[str, int]:
        """Give the key and the SeriesNumber of the series that an image belongs to."""
        if image in DYNAMIC:
            place = 0 if self.dynamic_in_one_series else DYNAMIC.index(image)
            return ("dynamic" if self.dynamic_in_one_series else image.value), 6 + place
        if image in DUAL_ECHO:
            place = 0 if self.dual_echo_in_one_series else DUAL_ECHO.index(image)
            return ("dual_echo" if self.dual_echo_in_one_series else image.value), 4 + place
        return image.value, 3


def fat_cycles(echo_ms: float, field_tesla: float) -> float:
    """Count how often fat has turned against water at an echo; whole is in phase, half opposed.

    Example:
        >>> round(fat_cycles(2.3, 3.0), 2)
        1.0
    """
    return echo_ms * 1e-3 * FAT_WATER_HZ_PER_TESLA * field_tesla
