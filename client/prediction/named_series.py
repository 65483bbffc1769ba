"""Series of a study that a person names for a prediction."""

from collections.abc import Sequence
from pathlib import Path

from client.catalogue_series import decide_roles
from client.image_roles import OFFERED, Modality, role_of
from client.image_settings import ImageSettings
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series
from shared.errors import Problem, SettingsError
from shared.vocabulary import ImageRole


def named_series(study: Path, pairs: Sequence[str], modality: Modality) -> dict[str, ImageRole]:
    """Find the volumes that a person names.

    Args:
        study: Folder with one study.
        pairs: Texts as ``7=t1_portal``: number or SeriesInstanceUID, and what it is.
        modality: Of the model.

    Returns:
        Roles by volume id.

    Raises:
        SettingsError: With one problem per text that names no role, or not one volume.
        DicomError: If the study cannot be read.
    """
    if not pairs:
        return {}
    groups = group_series(scan_folder(study).instances)
    volumes = [one.series for one in decide_roles(groups, ImageSettings())]
    roles: dict[str, ImageRole] = {}
    problems: list[Problem] = []
    for place, pair in enumerate(pairs, start=1):
        name, _, word = (part.strip() for part in pair.rpartition("="))
        found = [
            one.volume_id
            for one in volumes
            if one.head.modality == modality
            and name in (str(one.head.series_number), one.head.series_uid, one.volume_id)
        ]
        if word not in {*OFFERED[modality]}:
            known = ", ".join(OFFERED[modality])
            fix = "Write number=role, as in 7=t1_portal."
            problems.append(Problem(f"series {place}", "another word", f"one of {known}", fix))
        elif len(found) != 1:
            numbers = ", ".join(str(one.head.series_number) for one in volumes)
            got = f"{len(found) or 'no'} volumes of that name"
            fix = f"The study's volumes have the series numbers {numbers or 'of none'}."
            problems.append(Problem(f"series {place}", got, f"one volume of {modality}", fix))
        else:
            roles[found[0]] = role_of(word)
    if problems:
        raise SettingsError("The named series cannot be used.", problems)
    return roles
