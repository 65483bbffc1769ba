"""What the manifest says of a study's series: numbers or UIDs under roles, to volumes."""

from collections import Counter
from collections.abc import Sequence

from client.catalogue_records import SeriesRecord, Status, StudyRecord
from client.image_roles import Modality, modality_of, role_words, series_column
from client.manifest import SERIES_COLUMNS, ManifestRow
from shared.errors import Level, Problem
from shared.vocabulary import ImageRole


def named_series(
    row: ManifestRow, study: StudyRecord, series: Sequence[SeriesRecord], modality: Modality
) -> tuple[dict[str, ImageRole], tuple[Problem, ...]]:
    """Find the volumes that the manifest names.

    A series may hold several volumes, as the two echoes of a dual-echo scan; a name then means the
    one that the headers call so.

    Args:
        row: Of the manifest.
        study: Its study.
        series: Of the study.
        modality: Of the run; columns of the other one are not about this study.

    Returns:
        Roles by volume id, and a problem per cell that cannot be used.
    """
    roles: dict[str, ImageRole] = {}
    problems: list[Problem] = []
    for role, name in row.series.items():
        uids = study.series_uids(name)
        if modality_of(role) is not modality:
            problems += _of_other_modality(row.case, role, modality, uids)
            continue
        if not uids:
            problems.append(_absent(row.case, role))
        for uid in uids:
            volume_id = _volume_of(uid, role, series)
            if volume_id is None:
                problems.append(_several(row.case, role))
            elif roles.setdefault(volume_id, role) is not role:
                problems.append(_twice(row.case, role, roles[volume_id]))
    return roles, tuple(problems)


def _volume_of(uid: str, role: ImageRole, series: Sequence[SeriesRecord]) -> str | None:
    volumes = [
        one
        for one in series
        if one.volume_id.partition("#")[0] == uid and one.status is not Status.SET_ASIDE
    ]
    if len(volumes) > 1:
        called = Counter(one.role for one in volumes)
        if called[role] != 1:
            # Parts of one scan that the headers do not tell apart: the first stands for them.
            return uid if len(called) == 1 else None
        volumes = [one for one in volumes if one.role is role]
    return volumes[0].volume_id if volumes else uid


def _absent(case: int, role: ImageRole) -> Problem:
    return Problem(
        f"case {case}, column {series_column(role)}",
        "a series that the study does not have",
        "a series number or SeriesInstanceUID of the study",
        "Correct the cell; until then the patient is left out.",
    )


def _several(case: int, role: ImageRole) -> Problem:
    return Problem(
        f"case {case}, column {series_column(role)}",
        f"a series of several volumes, of which the headers call none {role_words(role)}",
        "a series that is one volume, or one that the headers name",
        "Empty the cell and say in 'hepafed site review --page' which volume it is.",
    )


def _twice(case: int, role: ImageRole, other: ImageRole) -> Problem:
    return Problem(
        f"case {case}, column {series_column(role)}",
        f"the series that column {series_column(other)} names, too",
        "every series under one role",
        "Correct one of the two cells; until then the patient is left out.",
    )


def _of_other_modality(
    case: int, role: ImageRole, modality: Modality, uids: Sequence[str]
) -> list[Problem]:
    """Warn of a series of this study under a column that this run does not read."""
    if not uids:
        return []
    meant = next(
        (
            f"Move the cell to {column}."
            for column, one in SERIES_COLUMNS.items()
            if modality_of(one) is modality and role.value in one.value
        ),
        "Move the cell to the column of what the series is.",
    )
    return [
        Problem(
            f"case {case}, column {series_column(role)}",
            f"a series of the {modality} study that is used",
            f"a column for {modality}",
            meant,
            Level.WARNING,
        )
    ]
