"""Scanners as they differ between hospitals: words, kernels, noise, encodings, file layouts."""

from dataclasses import dataclass
from enum import StrEnum

from shared.vocabulary import CtPhase


class FileLayout(StrEnum):
    """How an archive lays a study out on disk."""

    SERIES_FOLDERS = "series_folders"
    """One folder per series, files with a vendor's extension."""
    FLAT = "flat"
    """All series in one folder, no extension."""
    NESTED = "nested"
    """DICOM media style: DICOM/ST000000/SE000001/IM000007, no extension."""


@dataclass(frozen=True)
class PixelEncoding:
    """How a vendor stores HU as 16-bit words.

    Attributes:
        signed: Whether words are two's complement.
        bits_stored: 12 or 16.
        intercept: Rescale intercept; the slope is 1.
        padding: Stored value outside the circular field of view, or None for plain air.
    """

    signed: bool
    bits_stored: int
    intercept: int
    padding: int | None = None


@dataclass(frozen=True)
class Scanner:
    """A site's scanner and how its staff name things.

    Attributes:
        manufacturer: DICOM Manufacturer.
        model: DICOM ManufacturerModelName.
        kernel: DICOM ConvolutionKernel.
        blur_mm: Standard deviation of the in-plane point spread.
        noise_hu: Standard deviation of noise in the body.
        grain_mm: Standard deviation of the noise's correlation.
        slice_factor: Slice spacing relative to the cohort's.
        character_set: DICOM SpecificCharacterSet.
        image_type: Values that follow ORIGINAL, PRIMARY.
        descriptions: SeriesDescription per phase.
        localizer_description: SeriesDescription of the scout image.
        dose_description: SeriesDescription of the dose screen.
        layout: How files lie on disk.
        extension: File extension with its dot, or nothing.
        pixels: How HU are stored.
        bolus_time_share: Share of studies whose enhanced series carry ContrastBolusStartTime.
        head_first: Whether instance 1 is nearest the head.
    """

    manufacturer: str
    model: str
    kernel: str
    blur_mm: float
    noise_hu: float
    grain_mm: float
    slice_factor: float
    character_set: str
    image_type: tuple[str, ...]
    descriptions: dict[CtPhase, str]
    localizer_description: str
    dose_description: str
    layout: FileLayout
    extension: str
    pixels: PixelEncoding
    bolus_time_share: float
    head_first: bool


SCANNERS: dict[str, Scanner] = {
    "siemens": Scanner(
        manufacturer="SIEMENS",
        model="Sensation 64",
        kernel="B30f",
        blur_mm=0.9,
        noise_hu=11.0,
        grain_mm=0.9,
        slice_factor=1.0,
        character_set="ISO_IR 100",
        image_type=("AXIAL", "CT_SOM5 SPI"),
        descriptions={
            CtPhase.PLAIN: "Abdomen native  5.0  B30f",
            CtPhase.ARTERIAL: "Abdomen ART  5.0  B30f",
            CtPhase.PORTAL: "Abdomen PORTAL VEN  5.0  B30f",
        },
        localizer_description="Topogram  0.6  T20f",
        dose_description="Patient Protocol",
        layout=FileLayout.SERIES_FOLDERS,
        extension=".IMA",
        pixels=PixelEncoding(signed=False, bits_stored=12, intercept=-1024),
        bolus_time_share=0.9,
        head_first=True,
    ),
    "ge": Scanner(
        manufacturer="GE MEDICAL SYSTEMS",
        model="Discovery CT750 HD",
        kernel="STANDARD",
        blur_mm=1.1,
        noise_hu=14.0,
        grain_mm=1.1,
        slice_factor=1.0,
        character_set="ISO_IR 100",
        image_type=("AXIAL",),
        descriptions={
            CtPhase.PLAIN: "NON CON ABD",
            CtPhase.ARTERIAL: "ARTERIAL PHASE",
            CtPhase.PORTAL: "PV PHASE",
        },
        localizer_description="Scout",
        dose_description="Dose Report",
        layout=FileLayout.FLAT,
        extension="",
        pixels=PixelEncoding(signed=True, bits_stored=16, intercept=-1024, padding=-2000),
        bolus_time_share=0.6,
        head_first=True,
    ),
    "philips": Scanner(
        manufacturer="Philips",
        model="Ingenuity CT",
        kernel="B",
        blur_mm=1.0,
        noise_hu=9.0,
        grain_mm=1.4,
        slice_factor=1.1,
        character_set="GB18030",
        image_type=("AXIAL", "HELIX"),
        descriptions={
            CtPhase.PLAIN: "上腹部平扫 5mm",
            CtPhase.ARTERIAL: "动脉期 5mm",
            CtPhase.PORTAL: "门脉期 5mm",
        },
        localizer_description="定位像",
        dose_description="剂量信息",
        layout=FileLayout.NESTED,
        extension="",
        pixels=PixelEncoding(signed=False, bits_stored=12, intercept=-1024),
        bolus_time_share=0.3,
        head_first=False,
    ),
    "uih": Scanner(
        manufacturer="UIH",
        model="uCT 780",
        kernel="B_SOFT_B",
        blur_mm=0.8,
        noise_hu=12.5,
        grain_mm=0.8,
        slice_factor=0.95,
        character_set="ISO_IR 192",
        image_type=("AXIAL",),
        descriptions={
            CtPhase.PLAIN: "腹部平扫",
            CtPhase.ARTERIAL: "腹部增强 动脉期",
            CtPhase.PORTAL: "腹部增强 门静脉期",
        },
        localizer_description="Scout 定位片",
        dose_description="Dose Info 剂量报告",
        layout=FileLayout.SERIES_FOLDERS,
        extension=".dcm",
        pixels=PixelEncoding(signed=True, bits_stored=16, intercept=0),
        bolus_time_share=0.8,
        head_first=True,
    ),
    "siemens-unnamed": Scanner(
        manufacturer="SIEMENS",
        model="Biograph64 mCT",
        kernel="B30f",
        blur_mm=0.9,
        noise_hu=11.0,
        grain_mm=0.9,
        slice_factor=1.0,
        character_set="ISO_IR 100",
        image_type=("AXIAL", "CT_SOM7 SPI"),
        descriptions=dict.fromkeys(CtPhase, "CT Body 3.0"),
        localizer_description="Topogram  0.6  T20f",
        dose_description="Patient Protocol",
        layout=FileLayout.SERIES_FOLDERS,
        extension=".IMA",
        pixels=PixelEncoding(signed=False, bits_stored=12, intercept=-1024),
        bolus_time_share=1.0,
        head_first=True,
    ),
}
"""Known scanners by key.

The last one names no phase: only times tell, as on the real Siemens series whose description is
"CT Body 3.0" for everything.
"""
