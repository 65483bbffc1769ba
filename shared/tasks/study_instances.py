"""Read the headers of one study and group its images into candidate volumes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from shared.dicom.header import InstanceHeader
from shared.dicom.scan import scan_files, scan_folder
from shared.dicom.series import CandidateSeries, group_series
from shared.errors import PreparationError


def study_instances(
    study: Path | Sequence[Path], study_uid: str | None, notices: list[str]
) -> tuple[InstanceHeader, ...]:
    """Read the headers of one study.

    Args:
        study: Its folder, or its files.
        study_uid: Which study, where the files hold several.
        notices: What was left out is added here.

    Returns:
        Headers of all images, or frames, of the study.

    Raises:
        DicomError: If there is no DICOM file.
        PreparationError: If there are images of no study or of several.
    """
    scan = scan_folder(study) if isinstance(study, Path) else scan_files(study)
    if scan.rejected:
        notices.append(
            f"{len(scan.rejected)} file(s) cannot be read and were left out; the first is file "
            f"{scan.rejected[0].number}: {scan.rejected[0].reason}"
        )
    if scan.other_files:
        notices.append(f"{scan.other_files} file(s) are not DICOM and were left out.")
    instances = [i for i in scan.instances if study_uid in (None, i.study_uid)]
    studies = {i.study_uid for i in instances}
    if len(studies) != 1:
        raise PreparationError(
            f"Expected the files of one study, got {len(studies) or 'no'} studies among "
            f"{len(scan.instances)} images. Point to one study or give its StudyInstanceUID."
        )
    return tuple(instances)


def candidate_series(
    instances: Sequence[InstanceHeader],
    exclusion_reason: Callable[[CandidateSeries], str | None],
    notices: list[str],
) -> tuple[tuple[CandidateSeries, ...], tuple[tuple[str, str], ...]]:
    """Group images into volumes and set aside those that no model reads.

    Args:
        instances: Headers of one study.
        exclusion_reason: Tells why a volume is none of the modality's, or None.
        notices: What was left out is added here.

    Returns:
        The candidates, and name and reason of every volume set aside.
    """
    kept: list[CandidateSeries] = []
    excluded: list[tuple[str, str]] = []
    for series in group_series(instances):
        reason = exclusion_reason(series)
        if reason is None:
            kept.append(series)
        else:
            excluded.append((series.name, reason))
        if series.copies:
            notices.append(f"{series.copies} copies of images of {series.name} were left out.")
    return tuple(kept), tuple(excluded)
