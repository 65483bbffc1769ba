"""Where the liver of a study lies, from the mask that the manifest names."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from shared.dicom.scan import scan_files
from shared.errors import HepafedError, Problem
from shared.tasks.liver_mask import liver_volumes, read_liver_range
from shared.tasks.liver_range import LiverRange

_FIX = (
    "Correct the mask or its cell, or give liver_lower_mm and liver_upper_mm; until then the "
    "patient is left out."
)


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
        problems.append(_problem(case, f"a file that cannot be opened ({reason})"))
        return None


def range_of_mask(mask: Path, files: Sequence[Path], study_uid: str) -> LiverRange | None:
    """Read the liver's range from a mask drawn on a series of a study.

    Args:
        mask: A DICOM segmentation, an RT structure set or a NIfTI mask.
        files: Of the study, and perhaps of others.
        study_uid: The study.

    Returns:
        The range, unconfirmed; None where the study has no regular volume, of which the
        preparation says what is wrong.

    Raises:
        HepafedError: If the mask cannot be read or fits no series of the study.
    """
    headers = [h for h in scan_files(files).instances if h.study_uid == study_uid]
    volumes = liver_volumes(headers)
    return read_liver_range(mask, volumes) if volumes else None


def unfit_mask(case: int, error: HepafedError) -> Problem:
    """Say why a mask cannot be used, and that its patient is left out.

    Args:
        case: Row of the manifest.
        error: What ``range_of_mask`` raised.
    """
    return _problem(case, error.message.rstrip("."))


def _problem(case: int, got: str) -> Problem:
    where = f"case {case}, column liver_mask"
    return Problem(where, got, "a mask of the liver on a series of the study", _FIX)
