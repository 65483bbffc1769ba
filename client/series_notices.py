"""Remarks on a study's series that cost no patient but that a data manager should see."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from client.catalogue_records import SeriesRecord, Status, StudyRecord
from client.image_roles import role_words
from client.manifest import ManifestRow
from shared.errors import Level, Problem


def series_notices(
    pairs: Iterable[tuple[ManifestRow, StudyRecord]],
    series: Mapping[str, Sequence[SeriesRecord]],
) -> list[Problem]:
    """Name series that hold images which do not belong to their volume.

    A volume and, under the same SeriesInstanceUID, a reformat or another orientation is what a
    console makes that stores views beside the scan; the volume may be incomplete.

    Args:
        pairs: Rows of the manifest with their study.
        series: Roles by study.

    Returns:
        One warning per such series.
    """
    return [
        problem
        for row, study in pairs
        for problem in _mixed(row.case, series.get(study.study_uid, ()))
    ]


def _mixed(case: int, records: Sequence[SeriesRecord]) -> list[Problem]:
    parts: dict[str, list[SeriesRecord]] = defaultdict(list)
    for record in records:
        parts[record.volume_id.partition("#")[0]].append(record)
    return [
        _problem(case, volumes[0], left)
        for many in parts.values()
        if (volumes := [one for one in many if one.status is Status.USABLE])
        and (left := [one for one in many if one.status is Status.SET_ASIDE])
    ]


def _problem(case: int, volume: SeriesRecord, left: Sequence[SeriesRecord]) -> Problem:
    count = sum(one.images for one in left)
    return Problem(
        f"case {case}, {role_words(volume.role) if volume.role else 'series'}",
        f"{volume.name} and, in the same series, {count} images left out because {left[0].reason}",
        "one volume per series",
        "Check that the volume is complete; if not, send the original series without other views.",
        Level.WARNING,
    )
