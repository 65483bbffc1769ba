"""Invented patients as DICOM: what modalities share, and the files; the only user of pydicom."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)

from shared.vocabulary import CtPhase
from simulations.synthetic.study import Dialect, ScannerT, StudyHeader

DicomObject = Dataset
"""An object as it is filled attribute by attribute, under the standard's keywords."""

CT_IMAGE, MR_IMAGE = CTImageStorage, MRImageStorage
SECONDARY_CAPTURE = SecondaryCaptureImageStorage
"""Kinds of object (SOP classes, PS3.4 B.5)."""

SERIES_OF_PHASE = {CtPhase.PLAIN: 2, CtPhase.ARTERIAL: 3, CtPhase.PORTAL: 4}
"""SeriesNumber of each CT phase, in the order of acquisition."""
_PHASE_OF_SERIES = {number: phase for phase, number in SERIES_OF_PHASE.items()}
_IMPLEMENTATION_UID = UID("2.25.211936473195187310923847563201928374651")


@dataclass(frozen=True)
class ModalityWords:
    """What a modality is called.

    Attributes:
        modality: DICOM Modality.
        study: DICOM StudyDescription.
        study_chinese: The same at a hospital that writes Chinese.
    """

    modality: str
    study: str
    study_chinese: str


def decimal_string(value: float) -> str:
    """Write a number as a DICOM decimal string of at most 16 characters (PS3.5, 6.2)."""
    text = f"{value:.10g}"
    return text if len(text) <= 16 else f"{value:.8e}"  # noqa: PLR2004 - the limit of the VR


def study_dataset(
    study: StudyHeader[ScannerT], words: ModalityWords, sop_class: UID, series: str, seconds: float
) -> DicomObject:
    """Fill the patient, study, series and equipment modules (PS3.3, A.3, A.4 and C.7).

    Args:
        study: What all files of the study share.
        words: The modality.
        sop_class: What kind of object it will be.
        series: Key of the series; objects of one key share a SeriesInstanceUID.
        seconds: Start of the acquisition after the study's first scan.

    Returns:
        A dataset that lacks only what is the image's own.
    """
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
    _date(dataset, study.started, seconds)
    _sign(dataset, study.scanner, words)
    return dataset


def identify(dataset: DicomObject, uid: str, instance: int) -> None:
    """Give an object its UID and InstanceNumber."""
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.InstanceNumber = instance


def place(dataset: DicomObject, study: StudyHeader[ScannerT], spacing: tuple[float, float]) -> None:
    """Fill the frame of reference, and the spacing of rows and columns in mm."""
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = study.uid("frame")
    dataset.PositionReferenceIndicator = ""
    dataset.PixelSpacing = [decimal_string(value) for value in spacing]


def describe_pixels(
    dataset: DicomObject, shape: tuple[int, ...], bits_stored: int, *, signed: bool
) -> None:
    """Describe one grey channel in 16-bit words (image pixel module, PS3.3 C.7.6.3)."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = bits_stored
    dataset.HighBit = bits_stored - 1
    dataset.PixelRepresentation = int(signed)


def write_object(path: Path, dataset: DicomObject) -> None:
    """Write an object as a DICOM file; folders are made as needed."""
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


def _date(dataset: DicomObject, started: dt.datetime, seconds: float) -> None:
    """Date the study to its registration, four minutes before the first scan."""
    at = started + dt.timedelta(seconds=seconds)
    registered = started - dt.timedelta(minutes=4)
    dataset.StudyDate = dataset.SeriesDate = started.strftime("%Y%m%d")
    dataset.AcquisitionDate = dataset.ContentDate = at.strftime("%Y%m%d")
    dataset.StudyTime = registered.strftime("%H%M%S")
    time = at.strftime("%H%M%S.%f")
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = time


def _sign(dataset: DicomObject, scanner: Dialect, words: ModalityWords) -> None:
    """Write what the vendor and the hospital write, in their language."""
    chinese = scanner.character_set in ("GB18030", "ISO_IR 192")
    dataset.SpecificCharacterSet = scanner.character_set
    dataset.Modality = words.modality
    dataset.Manufacturer = scanner.manufacturer
    dataset.ManufacturerModelName = scanner.model
    dataset.SoftwareVersions = "synthetic"
    dataset.InstitutionName = "合成医院" if chinese else "Synthetic Hospital"
    dataset.StudyDescription = words.study_chinese if chinese else words.study
    dataset.PatientName = "合成^患者" if chinese else "Synthetic^Patient"
    dataset.BodyPartExamined = "ABDOMEN"


def _is_dicom(path: Path) -> bool:
    """Tell a DICOM file by the four letters after its preamble (PS3.10, 7.1)."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"
