"""Turn single-frame files into one enhanced multi-frame object."""

from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage

PER_FRAME = ("PixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept")


def merge_frames(paths: Sequence[Path], target: Path, *, echo_ms: Sequence[float] = ()) -> Path:
    """Write the images of ``paths`` as frames of one object and delete the originals."""
    images = [dcmread(path) for path in paths]
    merged = images[0]
    modality = str(merged.Modality)
    shared = Dataset()
    orientation = Dataset()
    orientation.ImageOrientationPatient = merged.ImageOrientationPatient
    shared.PlaneOrientationSequence = Items([orientation])
    frames = [_groups(image, modality) for image in images]
    for group, echo in zip(frames, echo_ms, strict=False):
        item = Dataset()
        item.EffectiveEchoTime = echo
        group.MREchoSequence = Items([item])
    merged.SOPClassUID = EnhancedMRImageStorage if modality == "MR" else EnhancedCTImageStorage
    merged.file_meta.MediaStorageSOPClassUID = merged.SOPClassUID
    merged.SharedFunctionalGroupsSequence = Items([shared])
    merged.PerFrameFunctionalGroupsSequence = Items(frames)
    merged.NumberOfFrames = len(images)
    merged.PixelData = b"".join(image.PixelData for image in images)
    for keyword in (*PER_FRAME, "ImagePositionPatient", "ImageOrientationPatient", "EchoTime"):
        if keyword in merged:
            del merged[keyword]
    for path in paths:
        path.unlink()
    merged.save_as(target, enforce_file_format=True)
    return target


def _groups(image: Dataset, modality: str) -> Dataset:
    own, place, measures, scale, content, kind = (Dataset() for _ in range(6))
    place.ImagePositionPatient = image.ImagePositionPatient
    measures.PixelSpacing, measures.SliceThickness = image.PixelSpacing, image.SliceThickness
    scale.RescaleSlope, scale.RescaleIntercept = image.RescaleSlope, image.RescaleIntercept
    content.FrameAcquisitionDateTime = "20200101" + str(image.AcquisitionTime)
    content.FrameAcquisitionNumber = int(image.AcquisitionNumber)
    kind.FrameType = image.ImageType
    own.PlanePositionSequence = Items([place])
    own.PixelMeasuresSequence = Items([measures])
    own.PixelValueTransformationSequence = Items([scale])
    own.FrameContentSequence = Items([content])
    setattr(own, f"{modality}ImageFrameTypeSequence", Items([kind]))
    return own
