"""Prepared images on disk, so that DICOM is decoded once per study and preparation.

A file's name is a digest of what went into it: the study's files (UID, size, time of change), the
preparation, how the site reads studies, and a person's entries. Another input has another name,
so nothing is ever out of date. A file is encrypted and authenticated with AES-256-GCM (NIST SP
800-38D) unless the site chose otherwise; its name is authenticated with it, so that files cannot be
exchanged.

Layout: magic, first bytes of the key's digest, nonce, then the sealed content: the length of the
note, the note as JSON, the images as an npy file. Without a key the magic differs and a SHA-256 of
the content takes the place of key digest and nonce.
"""

import hashlib
import io
import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import AEADDecryptionContext, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import GCM
from jaxtyping import Float32

from client.catalogue_records import StudyRecord
from client.image_settings import ImageSettings
from shared.errors import HepafedError
from shared.tasks.preparation_settings import Preparation
from shared.tasks.prepared_study import PreparedStudy
from shared.vocabulary import ImageRole

SUFFIX = ".prepared"
PREPARATION_DIGITS = 16
"""Of a name; they tell with which preparation its study was prepared."""

_SEALED, _PLAIN = b"HFCACHE1", b"HFPLAIN1"
_KEY_ID_BYTES = 20
_NONCE_BYTES = 12  # SP 800-38D, 8.2.2: random nonces of 96 bits serve 2^32 files per key
_HEAD_BYTES = len(_SEALED) + _KEY_ID_BYTES + _NONCE_BYTES
_TAG_BYTES, _BLOCK_BYTES = 16, 16
_LENGTH_BYTES = 8
_ALIGNMENT = 64  # as npy files have it, so that arrays in memory begin where processors like it


class CacheError(HepafedError):
    """A prepared study cannot be opened and must be prepared again."""


@dataclass(frozen=True)
class CachedStudy:
    """One prepared study.

    Attributes:
        images: Model input as ``PreparedStudy`` has it, read-only.
        notices: What the preparation assumed or lost.
        roles: Per candidate series: its name, what it is and evidence, as text.
        positions_mm: Height of each slice in the patient, growing towards the head.
    """

    images: Float32[np.ndarray, "slice channel height width"]
    notices: tuple[str, ...]
    roles: tuple[str, ...]
    positions_mm: tuple[float, ...]


def cache_key(
    study: StudyRecord,
    preparation: Preparation,
    liver_range_mm: tuple[float, float] | None,
    roles: Mapping[str, ImageRole | None],
    images: ImageSettings,
    mask_digest: str = "",
) -> str:
    """Give the name under which a prepared study is kept; it tells nothing about the patient.

    Args:
        study: What lies in the DICOM folder.
        preparation: What the model expects; its version tells CT from MRI.
        liver_range_mm: Ends of the liver that a person gave; None for none.
        roles: What a person said series are, by volume id; None for one to leave out.
        images: How the site reads studies.
        mask_digest: Of the content of the mask that gives the liver's range; empty for none.

    Returns:
        64 hexadecimal digits; the first 16 are common to all studies of one preparation.
    """
    document = {
        "files": study.content(),
        "preparation": asdict(preparation),
        "liver_range_mm": liver_range_mm,
        "roles": sorted(roles.items()),
        "images": asdict(images),
        "mask": mask_digest,
    }
    digits = _digest(asdict(preparation))[:PREPARATION_DIGITS]
    return digits + _digest(document)[PREPARATION_DIGITS:]


def _digest(document: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def store(folder: Path, name: str, prepared: PreparedStudy, secret: bytes | None) -> None:
    """Write a prepared study; a reader sees all of it or nothing.

    Args:
        folder: The cache folder, created when needed, readable by its owner only.
        name: From ``cache_key``.
        prepared: What to keep.
        secret: 32 bytes; None writes it unencrypted.
    """
    note = {
        "notices": prepared.notices,
        "roles": [
            f"{role.series}: {role.role or 'undecided'} ({'; '.join(role.evidence)})"
            for role in prepared.roles
        ],
        "positions_mm": [round(float(height), 3) for height in prepared.positions_mm],
    }
    text = json.dumps(note).encode()
    text += b" " * (-(_LENGTH_BYTES + len(text)) % _ALIGNMENT)
    images = np.ascontiguousarray(prepared.images, dtype=np.float32)
    head = io.BytesIO()
    head.write(len(text).to_bytes(_LENGTH_BYTES, "little") + text)
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(images))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    parts = (head.getbuffer(), images.data.cast("B"))
    _write(folder / f"{name}{SUFFIX}", _seal(parts, name, secret))


def is_stored(folder: Path, name: str) -> bool:
    """Tell whether there is an entry; only ``load`` tells whether it can be opened."""
    return (folder / f"{name}{SUFFIX}").is_file()


def load(folder: Path, name: str, secret: bytes | None) -> CachedStudy | None:
    """Open a prepared study: decrypted into memory, or memory-mapped if it is not encrypted.

    Args:
        folder: The cache folder.
        name: From ``cache_key``.
        secret: The key it was stored with; None for unencrypted ones.

    Returns:
        The study, or None where there is none.

    Raises:
        CacheError: If it is damaged or belongs to another key.
    """
    try:
        raw = _mapped(folder / f"{name}{SUFFIX}")
    except FileNotFoundError:
        return None
    content = _open(raw, name, secret)
    end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    note = json.loads(bytes(content[_LENGTH_BYTES:end]))
    return CachedStudy(
        images=_array(content[end:]),
        notices=tuple(note["notices"]),
        roles=tuple(note["roles"]),
        positions_mm=tuple(note["positions_mm"]),
    )


def reseal(path: Path, old: bytes, new: bytes) -> None:
    """Encrypt one file with another key; one that has it already is left alone.

    Args:
        path: A file of the cache.
        old: The key it has now.
        new: The key it shall have.

    Raises:
        CacheError: If it opens with neither key.
    """
    raw = _mapped(path)
    name = path.name.removesuffix(SUFFIX)
    if bytes(raw[:_HEAD_BYTES]).startswith(_SEALED + _key_id(new)):
        return
    _write(path, _seal((_open(raw, name, old),), name, new))


def _array(content: memoryview) -> Float32[np.ndarray, "slice channel height width"]:
    """View the images of an npy file in memory without a copy."""
    file = io.BytesIO(content[:256])  # the header of a four-dimensional array is half of that
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise CacheError("Expected an array of npy version 1.0, got another one.")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape)


def _seal(
    parts: Sequence[memoryview], name: str, secret: bytes | None
) -> Iterator[bytes | memoryview]:
    """Give a file piece by piece, so that large content is not copied together."""
    if secret is None:
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        yield _PLAIN + digest.digest()
        yield from parts
        return
    nonce = os.urandom(_NONCE_BYTES)
    yield _SEALED + _key_id(secret) + nonce
    sealing = Cipher(AES256(secret), GCM(nonce)).encryptor()
    sealing.authenticate_additional_data(name.encode())
    for part in parts:
        yield sealing.update(part)
    yield sealing.finalize() + sealing.tag


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        try:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:  # an empty file cannot be mapped
            return memoryview(b"")


def _open(raw: memoryview, name: str, secret: bytes | None) -> memoryview:
    head, sealed = bytes(raw[:_HEAD_BYTES]), raw[_HEAD_BYTES:]
    if secret is None:
        if not head.startswith(_PLAIN):
            raise CacheError("The prepared images are encrypted, and no key is set.")
        if hashlib.sha256(sealed).digest() != head[len(_PLAIN) :]:
            raise CacheError("The prepared images are damaged on the disk.")
        return sealed
    if not head.startswith(_SEALED):
        raise CacheError("The prepared images are not encrypted with the site's key.")
    if not head.startswith(_SEALED + _key_id(secret)):
        raise CacheError("The prepared images were encrypted with another key.")
    return _decrypted(sealed, name, Cipher(AES256(secret), GCM(head[-_NONCE_BYTES:])).decryptor())


def _decrypted(sealed: memoryview, name: str, opening: AEADDecryptionContext) -> memoryview:
    """Decrypt in one pass into memory of numpy's.

    It lies on huge pages where the system has them; to clear the small pages of a ``bytes`` object
    of that size takes twice as long as to decrypt into them.
    """
    end = len(sealed) - _TAG_BYTES
    content = np.empty(max(end, 0) + _BLOCK_BYTES, dtype=np.uint8).data
    opening.authenticate_additional_data(name.encode())
    try:
        opening.update_into(sealed[:end], content)
        opening.finalize_with_tag(bytes(sealed[end:]))
    except (InvalidTag, ValueError):  # the latter for a tag that was cut
        raise CacheError("The prepared images are damaged on the disk.") from None
    return content[:end].toreadonly()


def _key_id(secret: bytes) -> bytes:
    return hashlib.sha256(b"hepafed cache key" + secret).digest()[:_KEY_ID_BYTES]


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(parts)
    draft.replace(path)
