"""Invented MRI as DICOM MR images (PS3.3 A.4), in the dialect of each vendor."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt16

from simulations.synthetic.dicom_export import (
    MR_IMAGE,
    DicomObject,
    ModalityWords,
    decimal_string,
    describe_pixels,
    identify,
    place,
    study_dataset,
    write_object,
)
from simulations.synthetic.mri_geometry import SlabGeometry
from simulations.synthetic.mri_scanner import DUAL_ECHO, DYNAMIC, MrImage, MrScanner, Pulse
from simulations.synthetic.study import StudyHeader, file_path

_MR = ModalityWords("MR", "MRI liver dynamic", "上腹部磁共振动态增强")
_PROTON_MHZ_PER_TESLA = 42.577
_LOCALIZER_SERIES = 1
_LOCALIZER_SECONDS = -90.0
_LOCALIZER_PULSE = Pulse(("GR",), ("SS",), (), False, 3.5, 1.6, 60.0, 1)
_WORD = {True: "<i2", False: "<u2"}


@dataclass(frozen=True)
class MrSeries:
    """One image stack, ready to be written.

    Attributes:
        image: Which of the six.
        seconds: Start of the acquisition after the study's first scan.
        magnitude: Intensities; slices from the feet up.
        geometry: Sampling, before the table's offset.
    """

    image: MrImage
    seconds: float
    magnitude: UInt16[np.ndarray, "slice height width"]
    geometry: SlabGeometry


def write_mri_study(
    folder: Path,
    study: StudyHeader[MrScanner],
    stacks: tuple[MrSeries, ...],
    rng: np.random.Generator,
) -> None:
    """Write a study's images and a localizer; file names carry no order.

    Args:
        folder: The study's folder; made if absent.
        study: What all files share.
        stacks: The six images.
        rng: Source of the shuffled names.
    """
    total = sum(len(one.magnitude) for one in stacks)
    places = iter(rng.permutation(2 + total))
    for number, dataset in _objects(study, stacks):
        path = folder / file_path(study.scanner, number, int(next(places)))
        write_object(path, dataset)


def _objects(
    study: StudyHeader[MrScanner], stacks: tuple[MrSeries, ...]
) -> Iterator[tuple[int, DicomObject]]:
    """Yield series number and object; an object is only valid until the next one is asked for."""
    t2 = next(one for one in stacks if one.image is MrImage.T2_FSE)
    yield _LOCALIZER_SERIES, _coronal_localizer(study, t2)
    yield _LOCALIZER_SERIES, _axial_localizer(study, t2)
    for one in stacks:
        _, number = study.scanner.series_of(one.image)
        for dataset in _slices(study, one):
            yield number, dataset


def _slices(study: StudyHeader[MrScanner], stack: MrSeries) -> Iterator[DicomObject]:
    """Yield the axial images of one stack (MR image module, PS3.3 C.8.3.1), reusing one object."""
    scanner, geometry, image = study.scanner, stack.geometry, stack.image
    key, number = scanner.series_of(image)
    dataset = study_dataset(study, _MR, MR_IMAGE, key, stack.seconds)
    dataset.SeriesDescription = scanner.descriptions[image]
    dataset.ProtocolName = "liver dynamic"
    dataset.SeriesNumber = number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", *scanner.image_types[image]]
    _pulse(dataset, scanner.pulses[image], scanner)
    _number_acquisition(dataset, scanner, image)
    if image in DYNAMIC:
        _inject(dataset, study)
    dataset.SliceThickness = decimal_string(geometry.step_mm)
    dataset.SpacingBetweenSlices = decimal_string(geometry.step_mm)
    place(dataset, study, (geometry.spacing_mm, geometry.spacing_mm))
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    stored = _store(dataset, stack.magnitude, scanner)
    left, top = (decimal_string(value) for value in geometry.first_mm[:2])
    for index, (z_mm, words) in enumerate(zip(geometry.heights_mm(), stored, strict=True)):
        position = len(stored) - index if scanner.head_first else index + 1
        instance = _instance(scanner, image, position, len(stored))
        identify(dataset, study.uid("image", image, index), instance)
        height = decimal_string(round(z_mm + study.table_mm, 3))
        dataset.ImagePositionPatient = [left, top, height]
        dataset.SliceLocation = height
        dataset.PixelData = words.tobytes()
        yield dataset


def _instance(scanner: MrScanner, image: MrImage, position: int, slices: int) -> int:
    """Number an image within its series: echoes alternate, enhanced volumes follow each other."""
    if image in DUAL_ECHO and scanner.dual_echo_in_one_series:
        return 2 * (position - 1) + 1 + DUAL_ECHO.index(image)
    if image in DYNAMIC and scanner.dynamic_in_one_series:
        return position + slices * DYNAMIC.index(image)
    return position


def _pulse(dataset: DicomObject, pulse: Pulse, scanner: MrScanner) -> None:
    dataset.ScanningSequence = list(pulse.scanning)
    dataset.SequenceVariant = list(pulse.variant)
    dataset.ScanOptions = list(pulse.options) or None
    dataset.MRAcquisitionType = "3D" if pulse.volumetric else "2D"
    if pulse.name:
        dataset.SequenceName = pulse.name
    dataset.RepetitionTime = decimal_string(pulse.repetition_ms)
    dataset.EchoTime = decimal_string(pulse.echo_ms)
    dataset.FlipAngle = decimal_string(pulse.flip_degrees)
    dataset.EchoTrainLength = pulse.echo_train
    dataset.NumberOfAverages = "1"
    dataset.MagneticFieldStrength = decimal_string(scanner.field_tesla)
    megahertz = round(scanner.field_tesla * _PROTON_MHZ_PER_TESLA, 4)
    dataset.ImagingFrequency = decimal_string(
        megahertz * 1e6 if scanner.frequency_in_hertz else megahertz
    )
    dataset.ImagedNucleus = "1H"


def _number_acquisition(dataset: DicomObject, scanner: MrScanner, image: MrImage) -> None:
    """Number echoes and repeated volumes as far as they share a series."""
    dataset.EchoNumbers = 1
    dataset.AcquisitionNumber = 1
    if image in DUAL_ECHO and scanner.dual_echo_in_one_series:
        dataset.EchoNumbers = 1 + DUAL_ECHO.index(image)
    if image in DYNAMIC and scanner.dynamic_in_one_series:
        place_in_time = 1 + DYNAMIC.index(image)
        dataset.AcquisitionNumber = place_in_time
        dataset.TemporalPositionIdentifier = place_in_time
        dataset.NumberOfTemporalPositions = len(DYNAMIC)


def _inject(dataset: DicomObject, study: StudyHeader[MrScanner]) -> None:
    if study.bolus_seconds is not None or study.scanner.agent_without_time:
        dataset.ContrastBolusAgent = "gadoxetic acid"
        dataset.ContrastBolusRoute = "IV"
    if study.bolus_seconds is not None:
        start = study.started + dt.timedelta(seconds=study.bolus_seconds)
        dataset.ContrastBolusStartTime = start.strftime("%H%M%S.%f")


def _store(
    dataset: DicomObject, magnitude: UInt16[np.ndarray, "slice height width"], scanner: MrScanner
) -> np.ndarray:
    """Describe the pixels and give the vendor's 16-bit words."""
    encoding = scanner.encoding
    describe_pixels(dataset, magnitude.shape[1:], encoding.bits_stored, signed=encoding.signed)
    dataset.WindowCenter = str(int(np.percentile(magnitude[::2, ::2, ::2], 99) / 2))
    dataset.WindowWidth = str(int(np.percentile(magnitude[::2, ::2, ::2], 99)) + 1)
    if encoding.slope is not None:
        dataset.RescaleSlope = decimal_string(encoding.slope)
        dataset.RescaleIntercept = "0"
        dataset.RescaleType = "normalized"
        magnitude = np.rint(magnitude / encoding.slope).astype(np.uint16)
    return magnitude.astype(_WORD[encoding.signed])


def _localizer(study: StudyHeader[MrScanner], view: np.ndarray, instance: int) -> DicomObject:
    scanner = study.scanner
    dataset = study_dataset(study, _MR, MR_IMAGE, "localizer", _LOCALIZER_SECONDS)
    dataset.SeriesDescription = scanner.localizer_description
    dataset.SeriesNumber = _LOCALIZER_SERIES
    # Philips does not flag its survey; there only the description tells.
    flag = () if scanner.manufacturer.startswith("Philips") else ("LOCALIZER",)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", *flag, "M"]
    _pulse(dataset, _LOCALIZER_PULSE, scanner)
    dataset.EchoNumbers = dataset.AcquisitionNumber = 1
    dataset.SliceThickness = "8"
    stored = _store(dataset, view[None], scanner)
    identify(dataset, study.uid("image", "localizer", instance), instance)
    dataset.PixelData = stored[0].tobytes()
    return dataset


def _coronal_localizer(study: StudyHeader[MrScanner], stack: MrSeries) -> DicomObject:
    """Cut the stack through the middle, from the head down."""
    geometry = stack.geometry
    middle = geometry.rows // 2
    dataset = _localizer(study, stack.magnitude[::-1, middle], 1)
    place(dataset, study, (geometry.step_mm, geometry.spacing_mm))
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    depth = geometry.first_mm[1] + middle * geometry.spacing_mm
    top = geometry.heights_mm()[-1] + study.table_mm
    corner = (geometry.first_mm[0], round(depth, 3), round(top, 3))
    dataset.ImagePositionPatient = [decimal_string(value) for value in corner]
    return dataset


def _axial_localizer(study: StudyHeader[MrScanner], stack: MrSeries) -> DicomObject:
    """Repeat the middle slice of the stack."""
    geometry = stack.geometry
    middle = geometry.slices // 2
    dataset = _localizer(study, stack.magnitude[middle], 2)
    place(dataset, study, (geometry.spacing_mm, geometry.spacing_mm))
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    height = round(geometry.heights_mm()[middle] + study.table_mm, 3)
    corner = (*geometry.first_mm[:2], height)
    dataset.ImagePositionPatient = [decimal_string(value) for value in corner]
    return dataset
