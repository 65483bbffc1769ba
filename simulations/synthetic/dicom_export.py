"""Invented patients as DICOM files, in the dialect of each vendor; the only user of pydicom."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int16
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from shared.vocabulary import CtPhase
from simulations.synthetic.scanner import PixelEncoding, Scanner
from simulations.synthetic.study import CtSeries, StudyHeader, file_path, screen_of_lines

_IMPLEMENTATION_UID = UID("2.25.211936473195187310923847563201928374651")
_LOCALIZER_SERIES, _DOSE_SERIES = 1, 99
SERIES_OF_PHASE = {CtPhase.PLAIN: 2, CtPhase.ARTERIAL: 3, CtPhase.PORTAL: 4}
"""SeriesNumber in the order of acquisition."""
_PHASE_OF_SERIES = {number: phase for phase, number in SERIES_OF_PHASE.items()}
_WORD = {True: "<i2", False: "<u2"}


def decimal_string(value: float) -> str:
    """Write a number as a DICOM decimal string of at most 16 characters (PS3.5, 6.2)."""
    text = f"{value:.10g}"
    return text if len(text) <= 16 else f"{value:.8e}"  # noqa: PLR2004 - the limit of the VR


def write_study(
    folder: Path,
    study: StudyHeader,
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
        path.parent.mkdir(parents=True, exist_ok=True)
        dcmwrite(path, dataset, enforce_file_format=True)


@dataclass(frozen=True)
class Instance:
    """One file of a written study.

    Attributes:
        path: The file.
        patient_id: DICOM PatientID.
        series_number: DICOM SeriesNumber.
        phase: The phase this generator gave the series; None for localizer and dose screen.
        height_mm: The slice's z; 0 where there is none.
    """

    path: Path
    patient_id: str
    series_number: int
    phase: CtPhase | None
    height_mm: float


def list_instances(study: Path) -> list[Instance]:
    """List a written study's files, in order of their paths; other files are passed over."""
    found = []
    for path in filter(_is_dicom, sorted(study.rglob("*"))):
        header = dcmread(path, stop_before_pixels=True)
        position = header.get("ImagePositionPatient")
        number = int(header.SeriesNumber)
        found.append(
            Instance(
                path=path,
                patient_id=str(header.PatientID),
                series_number=number,
                phase=_PHASE_OF_SERIES.get(number),
                height_mm=float(position[2]) if position else 0.0,
            )
        )
    return found


def rewrite(path: Path, **attributes: object) -> None:
    """Set attributes, by DICOM keyword, in a file that exists; None deletes one."""
    dataset = dcmread(path)
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dcmwrite(path, dataset, enforce_file_format=True)


def copy_as(source: Path, target: Path, *, series_suffix: str, **attributes: object) -> None:
    """Copy a file as an image of another series: new UIDs, and attributes as in `rewrite`."""
    dataset = dcmread(source)
    dataset.SeriesInstanceUID = UID(dataset.SeriesInstanceUID + series_suffix)
    dataset.SOPInstanceUID = UID(dataset.SOPInstanceUID + series_suffix)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dcmwrite(target, dataset, enforce_file_format=True)
    rewrite(target, **attributes)


def _is_dicom(path: Path) -> bool:
    """Tell a DICOM file by the four letters after its preamble (PS3.10, 7.1)."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _objects(study: StudyHeader, series: tuple[CtSeries, ...]) -> Iterator[tuple[int, Dataset]]:
    """Yield series number and object; an object is only valid until the next one is asked for."""
    yield _LOCALIZER_SERIES, _localizer(study, series[0])
    for one in series:
        for dataset in _slices(study, one):
            yield SERIES_OF_PHASE[one.phase], dataset
    yield _DOSE_SERIES, _dose_screen(study)


def _study_dataset(study: StudyHeader, sop_class: UID, series: str, seconds: float) -> Dataset:
    """Fill the patient, study, series and equipment modules (PS3.3, A.3 and C.7)."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = _IMPLEMENTATION_UID
    dataset.file_meta.ImplementationVersionName = "HEPAFED_SYNTH"
    dataset.SOPClassUID = sop_class
    dataset.PatientID = study.patient_id
    dataset.PatientBirthDate = f"{study.birth_year}0101"
    dataset.PatientSex = "M" if study.male else "F"
    dataset.StudyInstanceUID = study.uid("study")
    dataset.SeriesInstanceUID = study.uid("series", series)
    dataset.StudyID = "1"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    _date(dataset, study, seconds)
    _sign(dataset, study.scanner)
    return dataset


def _date(dataset: Dataset, study: StudyHeader, seconds: float) -> None:
    """Date the study to its registration, four minutes before the plain scan."""
    at = study.started + dt.timedelta(seconds=seconds)
    registered = study.started - dt.timedelta(minutes=4)
    dataset.StudyDate = dataset.SeriesDate = study.started.strftime("%Y%m%d")
    dataset.AcquisitionDate = dataset.ContentDate = at.strftime("%Y%m%d")
    dataset.StudyTime = registered.strftime("%H%M%S")
    time = at.strftime("%H%M%S.%f")
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = time


def _sign(dataset: Dataset, scanner: Scanner) -> None:
    """Write what the vendor and the hospital write, in their language."""
    chinese = scanner.character_set in ("GB18030", "ISO_IR 192")
    dataset.SpecificCharacterSet = scanner.character_set
    dataset.Modality = "CT"
    dataset.Manufacturer = scanner.manufacturer
    dataset.ManufacturerModelName = scanner.model
    dataset.SoftwareVersions = "synthetic"
    dataset.InstitutionName = "合成医院" if chinese else "Synthetic Hospital"
    dataset.StudyDescription = "上腹部三期增强" if chinese else "CT liver triple phase"
    dataset.PatientName = "合成^患者" if chinese else "Synthetic^Patient"
    dataset.BodyPartExamined = "ABDOMEN"


def _identify(dataset: Dataset, uid: str, instance: int) -> None:
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.InstanceNumber = instance


def _place(dataset: Dataset, study: StudyHeader, spacing: tuple[float, float]) -> None:
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = study.uid("frame")
    dataset.PositionReferenceIndicator = ""
    dataset.PixelSpacing = [decimal_string(value) for value in spacing]


def _slices(study: StudyHeader, series: CtSeries) -> Iterator[Dataset]:
    """Yield the axial images of one phase (CT image module, PS3.3 C.8.2.1), reusing one object."""
    scanner, geometry = study.scanner, series.geometry
    dataset = _study_dataset(study, CTImageStorage, series.phase, series.seconds)
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
    _place(dataset, study, (geometry.spacing_mm, geometry.spacing_mm))
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    _describe_pixels(dataset, series.hounsfield.shape[1:], scanner.pixels)
    stored = _stored_words(series.hounsfield, scanner.pixels)
    count = len(stored)
    left, top = (decimal_string(value) for value in geometry.first_mm[:2])
    for index, (z_mm, words) in enumerate(zip(geometry.heights_mm(), stored, strict=True)):
        instance = count - index if scanner.head_first else index + 1
        _identify(dataset, study.uid("image", series.phase, index), instance)
        height = decimal_string(round(z_mm + study.table_mm, 3))
        dataset.ImagePositionPatient = [left, top, height]
        dataset.SliceLocation = height
        dataset.PixelData = words.tobytes()
        yield dataset


def _inject(dataset: Dataset, study: StudyHeader) -> None:
    dataset.ContrastBolusAgent = "iohexol 350"
    dataset.ContrastBolusRoute = "IV"
    if study.bolus_seconds is not None:
        start = study.started + dt.timedelta(seconds=study.bolus_seconds)
        dataset.ContrastBolusStartTime = start.strftime("%H%M%S.%f")


def _describe_pixels(dataset: Dataset, shape: tuple[int, ...], pixels: PixelEncoding) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = pixels.bits_stored
    dataset.HighBit = pixels.bits_stored - 1
    dataset.PixelRepresentation = int(pixels.signed)
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


def _localizer(study: StudyHeader, plain: CtSeries) -> Dataset:
    """Make a frontal scout image: the mean attenuation along the line of sight."""
    scanner, geometry = study.scanner, plain.geometry
    dataset = _study_dataset(study, CTImageStorage, "localizer", -120.0)
    dataset.SeriesDescription = scanner.localizer_description
    dataset.SeriesNumber = _LOCALIZER_SERIES
    dataset.AcquisitionNumber = 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER", *scanner.image_type[1:]]
    dataset.KVP = "120"
    view = plain.hounsfield.mean(axis=1)[::-1]
    _place(dataset, study, (geometry.step_mm, geometry.spacing_mm))
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    top = round(geometry.heights_mm()[-1] + study.table_mm, 3)
    corner = (geometry.first_mm[0], 0.0, top)
    dataset.ImagePositionPatient = [decimal_string(value) for value in corner]
    encoding = PixelEncoding(signed=False, bits_stored=12, intercept=-1024)
    _describe_pixels(dataset, view.shape, encoding)
    _identify(dataset, study.uid("image", "localizer"), 1)
    dataset.PixelData = _stored_words(np.rint(view)[None].astype(np.int16), encoding).tobytes()
    return dataset


def _dose_screen(study: StudyHeader) -> Dataset:
    """Make the dose report that scanners store as a screenshot (secondary capture)."""
    dataset = _study_dataset(study, SecondaryCaptureImageStorage, "dose", 240.0)
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
    _identify(dataset, study.uid("image", "dose"), 1)
    dataset.PixelData = screen.tobytes()
    return dataset
