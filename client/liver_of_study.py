"""Where the liver of a study lies where nobody said it in numbers: from a mask, or a program."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.catalogue_series import decide_roles
from client.image_roles import modality_of
from client.image_settings import ImageSettings, SegmenterSettings
from shared.dicom.geometry import VolumeGeometry, order_volume
from shared.dicom.header import InstanceHeader
from shared.dicom.series import CandidateSeries, group_series
from shared.errors import Problem, VolumeError
from shared.tasks.liver_mask import read_liver_range
from shared.tasks.liver_range import LiverRange
from shared.tasks.total_segmentator import TotalSegmentator, range_from_total_segmentator
from shared.vocabulary import ImageRole

MASK_COLUMN = "column liver_mask"


@dataclass(frozen=True)
class LiverSpace:
    """The volumes of a study in whose coordinates a liver range may be given.

    Attributes:
        reference: Regular volumes of the phase or sequence whose slices are counted, longest
            first.
        volumes: All regular volumes that share its frame of reference; in another frame the
            same height is another place.
    """

    reference: tuple[VolumeGeometry, ...]
    volumes: tuple[VolumeGeometry, ...]


def space_of(
    headers: Sequence[InstanceHeader],
    reference: ImageRole,
    roles: Mapping[str, ImageRole],
    images: ImageSettings,
) -> LiverSpace:
    """Find the volumes that show a study in the coordinates of its reference.

    Args:
        headers: Of one study.
        reference: The phase or sequence whose slices are counted.
        roles: Roles that a person confirmed, by volume id.
        images: The words that name series.

    Returns:
        The volumes; all of them where no reference or no frame of reference is known.
    """
    modality = modality_of(reference)
    decided = [
        (volume, decision.role)
        for decision in decide_roles(group_series(headers), images, roles)
        if decision.series.head.modality == modality
        and (volume := _regular(decision.series)) is not None
    ]
    volumes = [volume for volume, _ in decided]
    own = [volume for volume, role in decided if role is reference]
    frames = {v.instances[0].frame_of_reference for v in own} - {""}
    return LiverSpace(
        reference=tuple(sorted(own, key=lambda v: -len(v.instances))),
        volumes=tuple(
            v for v in volumes if not frames or v.instances[0].frame_of_reference in {"", *frames}
        ),
    )


def _regular(series: CandidateSeries) -> VolumeGeometry | None:
    try:
        return order_volume(series)
    except VolumeError:
        return None  # the preparation says what is wrong with it


def digest_of_mask(mask: Path, case: int, problems: list[Problem]) -> str | None:
    """Give the SHA-256 of a mask's content.

    Args:
        mask: The file.
        case: Row of the manifest.
        problems: Gets an entry where the file cannot be read.

    Returns:
        The digest, or None where the file cannot be read.
    """
    try:
        with mask.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problems.append(no_range(case, MASK_COLUMN, f"a file that cannot be opened ({reason})"))
        return None


def range_of_mask(mask: Path, space: LiverSpace) -> LiverRange | None:
    """Read the liver's range from a mask drawn on a series of a study.

    Args:
        mask: A DICOM segmentation, an RT structure set or a NIfTI mask.
        space: The study's volumes.

    Returns:
        The range, unconfirmed; None where the study has no regular volume, of which the
        preparation says what is wrong.

    Raises:
        HepafedError: If the mask cannot be read or fits no series of the study.
    """
    return read_liver_range(mask, space.volumes) if space.volumes else None


def segmented_range(segmenter: SegmenterSettings, space: LiverSpace) -> LiverRange | None:
    """Let the site's own TotalSegmentator find the liver in the reference phase.

    Args:
        segmenter: Where it is.
        space: The study's volumes.

    Returns:
        The range, unconfirmed; None where no regular volume is the reference phase, of which the
        preparation says what is wrong.

    Raises:
        HepafedError: If the program or its weights are absent, or it finds no liver.
    """
    if not space.reference:
        return None
    installation = TotalSegmentator(segmenter.weights, segmenter.program)
    return range_from_total_segmentator(space.reference[0], installation)


def no_range(case: int, where: str, reason: str) -> Problem:
    """Say why a study has no liver range, and that its patient is left out.

    Args:
        case: Row of the manifest.
        where: The column, or what was asked.
        reason: A sentence.
    """
    return Problem(
        f"case {case}, {where}",
        reason.rstrip("."),
        "where the liver lies in the study",
        "Correct it, or give liver_lower_mm and liver_upper_mm; until then the patient is left "
        "out.",
    )
