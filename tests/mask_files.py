"""Masks of a liver as hospitals save them: segmentation, contours, NIfTI."""

import gzip
import struct
from pathlib import Path

import numpy as np
from ct_files import FRAME_UID, STUDY_UID
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    SegmentationStorage,
    generate_uid,
)


def _object(sop_class, modality, frame_uid) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    uid = generate_uid(entropy_srcs=[modality])
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Modality, dataset.PatientID = modality, "P1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY_UID, f"{STUDY_UID}.99"
    dataset.FrameOfReferenceUID = frame_uid
    return dataset


def write_segmentation(
    path: Path,
    masks: dict[str, np.ndarray],
    z_mm,
    *,
    kind="BINARY",
    frame_uid=FRAME_UID,
    orientation=(1, 0, 0, 0, 1, 0),
    coded=(),
) -> Path:
    """Write one frame per segment and slice; names in ``coded`` carry the liver's code."""
    dataset = _object(SegmentationStorage, "SEG", frame_uid)
    segments, frames, planes = [], [], []
    for number, (name, mask) in enumerate(masks.items(), 1):
        segment, code = Dataset(), Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, name
        code.CodingSchemeDesignator, code.CodeValue = "SCT", "10200004" if name in coded else "1"
        segment.SegmentedPropertyTypeCodeSequence = Items([code])
        segments.append(segment)
        for plane, z in zip(mask, z_mm, strict=True):
            own, place, which = Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = [-40.0, -40.0, float(z)]
            which.ReferencedSegmentNumber = number
            own.PlanePositionSequence = Items([place])
            own.SegmentIdentificationSequence = Items([which])
            frames.append(own)
            planes.append(plane)
    shared, turned = Dataset(), Dataset()
    turned.ImageOrientationPatient = list(orientation)
    shared.PlaneOrientationSequence = Items([turned])
    dataset.SegmentSequence = Items(segments)
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    dataset.PerFrameFunctionalGroupsSequence = Items(frames)
    dataset.SegmentationType = kind
    dataset.NumberOfFrames = len(frames)
    _describe_frames(dataset, planes, kind)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _describe_frames(dataset, planes, kind) -> None:
    dataset.Rows, dataset.Columns = planes[0].shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelRepresentation = 0
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    flat = np.concatenate([plane.ravel() for plane in planes]).astype(np.uint8)
    if kind == "FRACTIONAL":
        dataset.MaximumFractionalValue, dataset.SegmentationFractionalType = 200, "PROBABILITY"
    data = np.packbits(flat, bitorder="little").tobytes() if bits == 1 else flat.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB"


def write_contours(path: Path, structures: dict[str, list], *, frame_uid=FRAME_UID) -> Path:
    """Write closed contours, each a list of points in patient millimetres."""
    dataset = _object(RTStructureSetStorage, "RTSTRUCT", frame_uid)
    del dataset.FrameOfReferenceUID
    names, drawn = [], []
    for number, (name, contours) in enumerate(structures.items(), 1):
        structure, roi = Dataset(), Dataset()
        structure.ROINumber, structure.ROIName = number, name
        structure.ReferencedFrameOfReferenceUID = frame_uid
        roi.ReferencedROINumber = number
        items = []
        for points in contours:
            item = Dataset()
            item.ContourGeometricType = "CLOSED_PLANAR"
            item.NumberOfContourPoints = len(points)
            item.ContourData = [float(value) for point in points for value in point]
            items.append(item)
        roi.ContourSequence = Items(items)
        names.append(structure)
        drawn.append(roi)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Items(names), Items(drawn)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_nifti(path: Path, values, affine, *, order="<", qform=None) -> Path:
    """Write whole numbers as NIfTI-1, with an sform or the given qform, gzipped if so named."""
    header = bytearray(352)
    struct.pack_into(order + "i", header, 0, 348)
    struct.pack_into(order + "8h", header, 40, 3, *values.shape, 1, 1, 1, 1)
    struct.pack_into(order + "hh", header, 70, 4, 16)
    struct.pack_into(order + "f", header, 108, 352.0)
    if qform is None:
        struct.pack_into(order + "hh", header, 252, 0, 1)
        struct.pack_into(order + "12f", header, 280, *np.asarray(affine, float)[:3].ravel())
    else:
        pixdim, quaternion, shift = qform
        struct.pack_into(order + "4f", header, 76, *pixdim)
        struct.pack_into(order + "hh", header, 252, 1, 0)
        struct.pack_into(order + "6f", header, 256, *quaternion, *shift)
    header[344:348] = b"n+1\0"
    data = bytes(header) + values.astype(order + "i2").tobytes(order="F")
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path
