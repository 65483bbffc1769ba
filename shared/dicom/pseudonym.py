"""Stable pseudonyms, identifiers and date shifts of a site, all derived from one secret key.

Nothing is stored: the same key gives the same pseudonym in every process and every year, and
without the key nobody can go back or test a guess. Each kind of output has its own label, so that
a patient number and a UID that happen to be the same text do not share a code.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import timedelta

from shared.errors import SettingsError

SHORTEST_KEY_BYTES = 32  # the strength of SHA-256, which the pseudonyms rest on
_CODE_BYTES = 10  # 80 bits: two of a million patients share a code with a chance of 1e-12
_SHORTEST_SHIFT_DAYS = 366
_SHIFT_RANGE_DAYS = 3653  # ten years, so that neither year nor season can be told


@dataclass(frozen=True)
class SiteKey:
    """The secret of a site from which its pseudonyms are derived.

    Attributes:
        secret: At least 32 bytes from a random source; never shown.

    Raises:
        SettingsError: When the secret is shorter.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < SHORTEST_KEY_BYTES:
            raise SettingsError(
                f"The site key must have at least {SHORTEST_KEY_BYTES} bytes, "
                f"got {len(self.secret)}. Make one with 'head -c 32 /dev/urandom > site.key' "
                "and 'chmod 600 site.key'."
            )


def patient_pseudonym(key: SiteKey, patient_id: str) -> str:
    """Give the code of a patient, such as ``HF-5KQX2ZJH7ABCDEFG``.

    Args:
        key: The site's secret.
        patient_id: PatientID as the archive has it; blanks around it do not count.
    """
    return f"HF-{_code(key, 'patient', patient_id)}"


def study_pseudonym(key: SiteKey, study_uid: str) -> str:
    """Give the code of a study, which names its folder and its lines in reports."""
    return f"study-{_code(key, 'study', study_uid).lower()}"


def file_code(key: SiteKey, name: str) -> str:
    """Give a code for a file, an instance or a series, safe to use as part of a file name."""
    return _code(key, "file", name).lower()


def new_uid(key: SiteKey, uid: str) -> str:
    """Give the UID that stands for an original one.

    Args:
        key: The site's secret.
        uid: The original UID; padding around it does not count.

    Returns:
        ``2.25.`` and the decimal value of a UUID (DICOM PS3.5, annex B.2), at most 44 characters.
        The UUID is of version 8, the one for values of one's own making (RFC 9562, section 5.8).
    """
    value = int.from_bytes(_digest(key, "uid", uid)[:16], "big")
    value = value & ~(0xF << 76) | (0x8 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return f"2.25.{value}"


def date_shift(key: SiteKey, patient_id: str) -> timedelta:
    """Give the shift that is added to every date of a patient.

    Returns:
        A negative number of whole days, one to eleven years. It is the same for all studies of
        the patient, so that the intervals between them survive.
    """
    days = int.from_bytes(_digest(key, "date", patient_id)[:8], "big") % _SHIFT_RANGE_DAYS
    return timedelta(days=-(_SHORTEST_SHIFT_DAYS + days))


def _code(key: SiteKey, purpose: str, text: str) -> str:
    return base64.b32encode(_digest(key, purpose, text)[:_CODE_BYTES]).decode("ascii")


def _digest(key: SiteKey, purpose: str, text: str) -> bytes:
    bare = text.strip(" \0")
    message = f"hepafed/1/{purpose}/{bare}".encode("utf-8", "surrogatepass")
    return hmac.new(key.secret, message, hashlib.sha256).digest()
