"""Which study of the catalogue belongs to which row of the manifest."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from client.catalogue_records import Catalogue, StudyRecord
from client.image_roles import Modality
from client.manifest import Manifest, ManifestRow
from shared.errors import Level, Problem


def join(
    manifest: Manifest, catalogue: Catalogue, modality: Modality
) -> tuple[tuple[tuple[ManifestRow, StudyRecord], ...], tuple[Problem, ...]]:
    """Give every row of the manifest its study.

    Args:
        manifest: Rows; a StudyInstanceUID decides, else the PatientID must have one study.
        catalogue: Studies.
        modality: Of the studies that the run is about; a patient may have others beside.

    Returns:
        Rows with their study, and a problem per row without exactly one, plus one note on studies
        that no row asks for.
    """
    by_patient: dict[str, list[StudyRecord]] = defaultdict(list)
    for study in catalogue.studies.values():
        by_patient[study.patient_id].append(study)
    pairs: list[tuple[ManifestRow, StudyRecord]] = []
    problems: list[Problem] = []
    for row in manifest.rows:
        found = _studies_of(row, catalogue, by_patient, modality)
        problem = _join_problem(row, found)
        if problem is None:
            pairs.append((row, found[0]))
        else:
            problems.append(problem)
    idle = sum(
        study.patient_id not in manifest.patient_ids and study.study_uid not in manifest.study_uids
        for study in catalogue.studies.values()
    )
    if idle:
        problems.append(
            Problem(
                "DICOM folder",
                f"{idle} study(ies) without a row in the manifest",
                "one row per patient",
                "Add the patients to the manifest if they belong to the cohort.",
                Level.INFO,
            )
        )
    return tuple(pairs), tuple(problems)


def _studies_of(
    row: ManifestRow,
    catalogue: Catalogue,
    by_patient: Mapping[str, list[StudyRecord]],
    modality: Modality,
) -> list[StudyRecord]:
    if row.study_uid:
        study = catalogue.studies.get(row.study_uid)
        return [] if study is None else [study]
    many = by_patient.get(row.patient_id, [])
    if row.liver_range_mm is not None or row.liver_mask is not None:
        return many  # heights are those of one study; of several, a person must say which
    # Where none is of the modality, the preparation says so of the one there is.
    return [study for study in many if modality in study.modalities] or many


def _join_problem(row: ManifestRow, found: Sequence[StudyRecord]) -> Problem | None:
    where = f"case {row.case}"
    if not found:
        key = "study_uid" if row.study_uid else "patient_id"
        return Problem(
            where,
            f"no study with its {key} in the DICOM folder",
            "one study",
            f"Export the study, or correct {key} in the manifest.",
        )
    if len(found) > 1:
        return Problem(
            where,
            f"{len(found)} studies of this patient",
            "one study",
            "Write the StudyInstanceUID of the study before treatment into study_uid.",
        )
    owners = {file.patient_id for file in found[0].files}
    if len(owners) > 1:
        return Problem(
            where,
            f"a study whose images carry {len(owners)} different PatientIDs",
            "images of one patient",
            "Correct the PatientID in the archive and export the study again.",
        )
    if found[0].patient_id != row.patient_id:
        return Problem(
            where,
            "a study that carries another PatientID",
            "the PatientID of the manifest",
            "Correct patient_id or study_uid in the manifest.",
        )
    return None
