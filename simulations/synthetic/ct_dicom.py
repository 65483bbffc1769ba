"""Invented CT as DICOM images, in the dialect of each vendor, with localizer and dose screen."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int16

from shared.vocabulary import CtPhase
from simulations.synthetic.dicom_export import (
    CT_IMAGE,
    SECONDARY_CAPTURE,
    SERIES_OF_PHASE,
    DicomObject,
    ModalityWords,
    decimal_string,
    describe_pixels,
    identify,
    place,
    study_dataset,
    write_object,
)
from simulations.synthetic.scanner import PixelEncoding, Scanner
from simulations.synthetic.study import CtSeries, StudyHeader, file_path, screen_of_lines

_LOCALIZER_SERIES, _DOSE_SERIES = 1, 99
_CT = ModalityWords("CT", "CT liver triple phase", "上腹部三期增强")
_WORD = {True: "<i2", False: "<u2"}


def write_study(
    folder: Path,
    study: StudyHeader[Scanner],
    series: tuple[CtSeries, ...],
    rng: np.random.Generator,
) -> None:
    """Write a study's phases, a localizer and a dose screen; file names carry no order.

    Args:
        folder: The study's folder; made if absent.
        study: What all files share.
        series: The phases.
        rng: Source of the shuffled names.
    """
    places = iter(rng.permutation(2 + sum(len(one.hounsfield) for one in series)))
    for number, dataset in _objects(study, series):
        path = folder / file_path(study.scanner, number, int(next(places)))
        write_object(path, dataset)


def _objects(
    study: StudyHeader[Scanner], series: tuple[CtSeries, ...]
) -> Iterator[tuple[int, DicomObject]]:
    """Yield series number and object; an object is only valid until the next one is asked for."""
    yield _LOCALIZER_SERIES, _localizer(study, series[0])
    for one in series:
        for dataset in _slices(study, one):
            yield SERIES_OF_PHASE[one.phase], dataset
    yield _DOSE_SERIES, _dose_screen(study)


def _slices(study: StudyHeader[Scanner], series: CtSeries) -> Iterator[DicomObject]:
    """Yield the axial images of one phase (CT image module, PS3.3 C.8.2.1), reusing one object."""
    scanner, geometry = study.scanner, series.geometry
    dataset = study_dataset(study, _CT, CT_IMAGE, series.phase, series.seconds)
    dataset.SeriesDescription = scanner.descriptions[series.phase]
    dataset.ProtocolName = "Abdomen"
    dataset.SeriesNumber = SERIES_OF_PHASE[series.phase]
    dataset.AcquisitionNumber = SERIES_OF_PHASE[series.phase]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", *scanner.image_type]
    dataset.KVP = "120"
    dataset.ConvolutionKernel = scanner.kernel
    dataset.SliceThickness = decimal_string(geometry.step_mm)
    if series.phase is not CtPhase.PLAIN:
        _inject(dataset, study)
    place(dataset, study, (geometry.spacing_mm, geometry.spacing_mm))
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    _describe_hounsfield(dataset, series.hounsfield.shape[1:], scanner.pixels)
    stored = _stored_words(series.hounsfield, scanner.pixels)
    count = len(stored)
    left, top = (decimal_string(value) for value in geometry.first_mm[:2])
    for index, (z_mm, words) in enumerate(zip(geometry.heights_mm(), stored, strict=True)):
        instance = count - index if scanner.head_first else index + 1
        identify(dataset, study.uid("image", series.phase, index), instance)
        height = decimal_string(round(z_mm + study.table_mm, 3))
        dataset.ImagePositionPatient = [left, top, height]
        dataset.SliceLocation = height
        dataset.PixelData = words.tobytes()
        yield dataset


def _inject(dataset: DicomObject, study: StudyHeader[Scanner]) -> None:
    dataset.ContrastBolusAgent = "iohexol 350"
    dataset.ContrastBolusRoute = "IV"
    if study.bolus_seconds is not None:
        start = study.started + dt.timedelta(seconds=study.bolus_seconds)
        dataset.ContrastBolusStartTime = start.strftime("%H%M%S.%f")


def _describe_hounsfield(
    dataset: DicomObject, shape: tuple[int, ...], pixels: PixelEncoding
) -> None:
    describe_pixels(dataset, shape, pixels.bits_stored, signed=pixels.signed)
    if pixels.padding is not None:
        # The value representation follows PixelRepresentation, which is set above.
        dataset.PixelPaddingValue = pixels.padding
    dataset.RescaleIntercept = str(pixels.intercept)
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter = "60"
    dataset.WindowWidth = "350"


def _stored_words(
    hounsfield: Int16[np.ndarray, "slice height width"], pixels: PixelEncoding
) -> Int16[np.ndarray, "slice height width"]:
    """Turn HU into the vendor's 16-bit words; outside the field of view goes the padding."""
    words = hounsfield.astype(np.int32) - pixels.intercept
    if pixels.padding is not None:
        rows, columns = words.shape[1:]
        y, x = np.ogrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
        words[:, x**2 + y**2 > 1.0] = pixels.padding
    return words.astype(_WORD[pixels.signed])


def _localizer(study: StudyHeader[Scanner], plain: CtSeries) -> DicomObject:
    """Make a frontal scout image: the mean attenuation along the line of sight."""
    scanner, geometry = study.scanner, plain.geometry
    dataset = study_dataset(study, _CT, CT_IMAGE, "localizer", -120.0)
    dataset.SeriesDescription = scanner.localizer_description
    dataset.SeriesNumber = _LOCALIZER_SERIES
    dataset.AcquisitionNumber = 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER", *scanner.image_type[1:]]
    dataset.KVP = "120"
    view = plain.hounsfield.mean(axis=1)[::-1]
    place(dataset, study, (geometry.step_mm, geometry.spacing_mm))
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    top = round(geometry.heights_mm()[-1] + study.table_mm, 3)
    corner = (geometry.first_mm[0], 0.0, top)
    dataset.ImagePositionPatient = [decimal_string(value) for value in corner]
    encoding = PixelEncoding(signed=False, bits_stored=12, intercept=-1024)
    _describe_hounsfield(dataset, view.shape, encoding)
    identify(dataset, study.uid("image", "localizer"), 1)
    dataset.PixelData = _stored_words(np.rint(view)[None].astype(np.int16), encoding).tobytes()
    return dataset


def _dose_screen(study: StudyHeader[Scanner]) -> DicomObject:
    """Make the dose report that scanners store as a screenshot (secondary capture)."""
    dataset = study_dataset(study, _CT, SECONDARY_CAPTURE, "dose", 240.0)
    dataset.ConversionType = "WSD"
    dataset.SeriesDescription = study.scanner.dose_description
    dataset.SeriesNumber = _DOSE_SERIES
    dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    dataset.BurnedInAnnotation = "YES"
    screen = screen_of_lines(256)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = screen.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    identify(dataset, study.uid("image", "dose"), 1)
    dataset.PixelData = screen.tobytes()
    return dataset
