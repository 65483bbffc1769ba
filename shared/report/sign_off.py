"""Who accepted a run's record, and when: ``sign_off.json`` in the run's folder.

It names one record by the digest of its content, so that a changed record is seen to be unsigned.
It says who took responsibility; it is no cryptographic signature and proves no identity.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.errors import SettingsError
from shared.messages.strict_json import decode, encode
from shared.report.haic_files import read_haic_record, record_digest

SIGN_OFF_NAME = "sign_off.json"
SIGN_OFF_FORMAT = "hepafed-sign-off/1"


@dataclass(frozen=True)
class SignOff:
    """One person's acceptance of one record.

    Attributes:
        name: Of the person.
        role: In what capacity.
        time: ISO 8601 with offset.
        record_sha256: Of the record's content, hex (``shared.report.haic_files.record_digest``).
        format: Version of this file.
    """

    name: str
    role: str
    time: str
    record_sha256: str
    format: str = SIGN_OFF_FORMAT


def sign_off(run_dir: Path, name: str, role: str) -> SignOff:
    """Write down that a person accepts the record of a run as it is now.

    An earlier sign-off is replaced. The page shows it once it is written again
    (``shared.report.stored_report.write_stored_report``).

    Args:
        run_dir: Folder of a finished run.
        name: Of the person.
        role: In what capacity, such as ``principal investigator``.

    Returns:
        What was written.

    Raises:
        SettingsError: If name or role is empty, or the folder holds no record of this study.
    """
    said = SignOff(
        name=name.strip(),
        role=role.strip(),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        record_sha256=record_digest(read_haic_record(run_dir)),
    )
    if not said.name or not said.role:
        raise SettingsError(
            f"Expected a name and a role, got {name!r} and {role!r}. "
            'Write "Name, role", such as "Li Wei, principal investigator".'
        )
    text = json.dumps(encode(said), indent=1, ensure_ascii=False)
    partial = run_dir / f"{SIGN_OFF_NAME}.partial"
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(run_dir / SIGN_OFF_NAME)
    return said


def name_and_role(text: str) -> tuple[str, str]:
    """Part ``Name, role`` at its first comma.

    Raises:
        SettingsError: If one of the two is missing.
    """
    name, _, role = (part.strip() for part in text.partition(","))
    if not name or not role:
        raise SettingsError(
            f"Expected 'Name, role', got {text!r}. "
            'Write both, such as "Li Wei, principal investigator".'
        )
    return name, role


def read_sign_off(run_dir: Path) -> SignOff | None:
    """Read who signed a run off; None if nobody did.

    Raises:
        SettingsError: If the file is there and is no sign-off.
    """
    path = run_dir / SIGN_OFF_NAME
    if not path.is_file():
        return None
    try:
        data: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingsError(
            f"{SIGN_OFF_NAME} in {run_dir} is not JSON ({error}). Sign the run off again."
        ) from error
    return decode(SignOff, data, "sign-off", {"format": SIGN_OFF_FORMAT})
