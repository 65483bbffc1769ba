"""Small CT series as DICOM files, regular or broken on purpose."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
STUDY_UID = "2.25.1000"
FRAME_UID = "2.25.2000"


@dataclass(frozen=True)
class CtFiles:
    """One series to write; every field can be made wrong."""

    number: int = 2
    description: str = "portal"
    z_mm: Sequence[float] = (0.0, 5.0, 10.0, 15.0)
    origin_xy_mm: tuple[float, float] = (-40.0, -40.0)
    pixel_mm: float = 5.0
    orientation: tuple[float, ...] = AXIAL
    acquired: str = "100000"
    bolus_start: str = ""
    agent: str = ""
    patient_id: str = "P1"
    study_uid: str = STUDY_UID
    frame_uid: str = FRAME_UID
    values_hu: np.ndarray | None = None
    extra: dict[str, object] = field(default_factory=dict)


def write_ct(folder: Path, series: CtFiles) -> list[Path]:
    """Write one file per slice, in an order that tells nothing, and give their paths by height."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(series.z_mm)
    values = series.values_hu
    if values is None:
        values = body(count, liver_hu=100.0)
    series_uid = f"{series.study_uid}.{series.number}"
    paths = []
    for index, z in enumerate(series.z_mm):
        dataset = _dataset(series, series_uid, index)
        dataset.ImagePositionPatient = [*series.origin_xy_mm, float(z)]
        dataset.Rows, dataset.Columns = values[index].shape
        stored = np.asarray(values[index], dtype=np.float64) + 1024
        dataset.PixelData = stored.round().astype("<u2").tobytes()
        for keyword, value in series.extra.items():
            setattr(dataset, keyword, value)
        path = folder / f"{series.number:03d}_{(index * 7 + 3) % 97:02d}_{index}"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def body(count: int, liver_hu: float, size: int = 16) -> np.ndarray:
    """Give slices of a square body whose organs all have one value, in air."""
    values = np.full((count, size, size), -1000.0)
    values[:, 1:-1, 1:-1] = liver_hu
    return values


def _dataset(series: CtFiles, series_uid: str, index: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    uid = generate_uid(entropy_srcs=[series_uid, str(index)])
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = series.study_uid, series_uid
    dataset.FrameOfReferenceUID = series.frame_uid
    dataset.PatientID, dataset.Modality = series.patient_id, "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesNumber, dataset.InstanceNumber = series.number, index + 1
    dataset.SeriesDescription = series.description
    dataset.AcquisitionNumber = 1
    dataset.AcquisitionTime = series.acquired
    if series.bolus_start:
        dataset.ContrastBolusStartTime = series.bolus_start
    if series.agent:
        dataset.ContrastBolusAgent = series.agent
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.PixelSpacing = [series.pixel_mm, series.pixel_mm]
    dataset.SliceThickness = 99.0  # never to be believed
    dataset.ImageOrientationPatient = list(series.orientation)
    return dataset
