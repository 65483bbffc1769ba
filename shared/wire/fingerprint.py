"""A digest that lets two ends check that they run the same code."""

import hashlib
from functools import cache
from pathlib import Path

_PACKAGES = ("shared", "client")


@cache
def code_digest() -> str:
    """Give the SHA-256 of the source of ``shared`` and ``client`` as they run here, in hex.

    Server and sites compare it, because Flower's simulation can run another checkout's client
    code without a word, and because an installed site may lag behind the coordinator. Computed
    once per process.
    """
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    files = (file for package in _PACKAGES for file in (root / package).rglob("*.py"))
    for file in sorted(files, key=lambda file: file.relative_to(root).as_posix()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
