"""Prepared images on disk, so that DICOM is decoded once per study and preparation.

A file's name is a digest of what went into it: the study's files (UID, size, time of change), the
preparation and a person's entries. Another input has another name, so nothing is ever out of
date. The checksum beside it catches damage; a damaged entry counts as absent.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from client.catalogue import StudyRecord
from shared.tasks.preparation import CtPreparation, PreparedStudy
from shared.vocabulary import CtPhase

_CHUNK = 2**20


@dataclass(frozen=True)
class CachedStudy:
    """One prepared study as it lies on disk.

    Attributes:
        images: Model input in [0, 1], memory-mapped and read-only.
        notices: What the preparation assumed or lost.
        roles: Per candidate series: its name, phase and evidence, as text.
    """

    images: Float32[np.ndarray, "slice phase height width"]
    notices: tuple[str, ...]
    roles: tuple[str, ...]


def cache_key(
    study: StudyRecord,
    preparation: CtPreparation,
    liver_range_mm: tuple[float, float] | None,
    roles: Mapping[str, CtPhase],
) -> str:
    """Give the name under which a prepared study is kept; it tells nothing about the patient."""
    document = {
        "files": sorted((f.sop_uid or f.path, f.size, f.modified_ns) for f in study.files),
        "preparation": asdict(preparation),
        "liver_range_mm": liver_range_mm,
        "roles": sorted(roles.items()),
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def store(folder: Path, key: str, prepared: PreparedStudy) -> None:
    """Write a prepared study; a reader sees all of it or nothing.

    Args:
        folder: The cache folder, created when needed, readable by its owner only.
        key: From ``cache_key``.
        prepared: What to keep.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f"{key}.{os.getpid()}.tmp"
    with draft.open("wb") as file:
        np.save(file, np.ascontiguousarray(prepared.images, dtype=np.float32), allow_pickle=False)
    note = {
        "sha256": _checksum(draft),
        "notices": prepared.notices,
        "roles": [
            f"{role.series}: {role.phase or 'undecided'} ({'; '.join(role.evidence)})"
            for role in prepared.roles
        ],
    }
    draft.replace(folder / f"{key}.npy")
    draft.write_text(json.dumps(note), encoding="utf-8")
    draft.replace(folder / f"{key}.json")  # last: its presence says that the entry is whole


def load(folder: Path, key: str) -> CachedStudy | None:
    """Open a prepared study.

    Args:
        folder: The cache folder.
        key: From ``cache_key``.

    Returns:
        The study, or None where it is absent or damaged and must be prepared again.
    """
    images, note = folder / f"{key}.npy", folder / f"{key}.json"
    try:
        document = json.loads(note.read_text(encoding="utf-8"))
        if document["sha256"] != _checksum(images):
            return None
        return CachedStudy(
            images=np.load(images, mmap_mode="r", allow_pickle=False),
            notices=tuple(document["notices"]),
            roles=tuple(document["roles"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
