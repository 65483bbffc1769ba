"""Prepare a study for whichever model: the road follows from the preparation that is asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.dicom.mri_tables import DEFAULT_MRI_TABLES, MriTables
from shared.dicom.phase_tables import DEFAULT_TABLES, PhaseTables
from shared.errors import PreparationError
from shared.tasks.liver_range import LiverRange
from shared.tasks.mri_preparation import prepare_mri_study
from shared.tasks.preparation import prepare_study
from shared.tasks.preparation_settings import CtPreparation, Preparation
from shared.tasks.prepared_study import PreparedStudy
from shared.vocabulary import CtPhase, ImageRole, MriRole


def prepare_images(  # noqa: PLR0913  # every choice is given by name
    study: Path | Sequence[Path],
    preparation: Preparation,
    *,
    liver_range_mm: LiverRange | tuple[float, float] | None = None,
    study_uid: str | None = None,
    roles: Mapping[str, ImageRole] | None = None,
    registration: bool = False,
    ct_tables: PhaseTables = DEFAULT_TABLES,
    mri_tables: MriTables = DEFAULT_MRI_TABLES,
) -> PreparedStudy:
    """Prepare one study of CT or MRI.

    Args:
        study: Its folder, or its files.
        preparation: What the model expects; it decides between CT and MRI.
        liver_range_mm: Heights in the patient between which the liver lies.
        study_uid: Which study, where the files hold several.
        roles: Roles that a person confirmed, by volume id; all of the preparation's modality.
        registration: Whether images of different frames of reference may be registered.
        ct_tables: The words that name CT phases.
        mri_tables: The words that name MRI sequences.

    Returns:
        What ``prepare_study`` or ``prepare_mri_study`` gives.

    Raises:
        DicomError: If there is no DICOM file or a needed image cannot be decoded.
        PreparationError: If the study cannot become input, or a role is of the other modality.
    """
    given = roles or {}
    if isinstance(preparation, CtPreparation):
        phases = {uid: role for uid, role in given.items() if isinstance(role, CtPhase)}
        _refuse_others(len(given) - len(phases), "phases of CT")
        return prepare_study(
            study,
            preparation,
            liver_range_mm=liver_range_mm,
            study_uid=study_uid,
            roles=phases,
            registration=registration,
            tables=ct_tables,
        )
    sequences = {uid: role for uid, role in given.items() if isinstance(role, MriRole)}
    _refuse_others(len(given) - len(sequences), "images of MRI")
    return prepare_mri_study(
        study,
        preparation,
        liver_range_mm=liver_range_mm,
        study_uid=study_uid,
        roles=sequences,
        registration=registration,
        tables=mri_tables,
    )


def _refuse_others(count: int, expected: str) -> None:
    if count:
        raise PreparationError(
            f"Expected {expected} as roles of the series, got {count} of the other modality. "
            "Correct the manifest's columns of series."
        )
