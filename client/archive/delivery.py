"""Check that an archive delivered what was asked for: another patient's image must not slip in."""

from client.archive.errors import StudyError
from shared.dicom.instance_identity import ByteSource, read_identity
from shared.errors import DicomError


def check_delivered(source: ByteSource, study_uid: str, sop_uid: str) -> None:
    """Refuse an instance that is not the one that was asked for.

    Args:
        source: The received file, open at its start.
        study_uid: The study it must belong to.
        sop_uid: The instance it must be.

    Raises:
        StudyError: When it is another one, or no DICOM file at all.
    """
    try:
        identity = read_identity(source)
    except DicomError as error:
        raise StudyError(
            "Expected a DICOM instance, got something else. Ask the archive's administrator."
        ) from error
    if (identity.study_uid, identity.sop_uid) != (study_uid, sop_uid):
        raise StudyError(
            "The archive delivered an instance that was not asked for. It is not kept. "
            "Ask the archive's administrator."
        )
