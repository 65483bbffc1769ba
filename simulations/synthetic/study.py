"""A study as a scanner would hand it over: header, series, file names, dose screen."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
from jaxtyping import Int16, UInt8

from shared.vocabulary import CtPhase
from simulations.synthetic.grid import ScanGeometry
from simulations.synthetic.scanner import FileLayout


class Dialect(Protocol):
    """What every scanner, CT or MR, brings to the files it writes."""

    @property
    def manufacturer(self) -> str:
        """Give DICOM Manufacturer."""

    @property
    def model(self) -> str:
        """Give DICOM ManufacturerModelName."""

    @property
    def character_set(self) -> str:
        """Give DICOM SpecificCharacterSet."""

    @property
    def layout(self) -> FileLayout:
        """Tell how files lie on disk."""

    @property
    def extension(self) -> str:
        """Give the file extension with its dot, or nothing."""


ScannerT = TypeVar("ScannerT", bound=Dialect)


@dataclass(frozen=True)
class StudyHeader(Generic[ScannerT]):
    """What all files of a study share.

    Attributes:
        patient_id: The pseudonym.
        male: Whether PatientSex is M.
        birth_year: Year of birth; the day is 1 January.
        started: Start of the first scan.
        seed: Any text; UIDs are hashes of it, so the same text gives the same files.
        scanner: The dialect.
        table_mm: What is added to z.
        bolus_seconds: Start of the injection after the first scan's start; None if not recorded.
    """

    patient_id: str
    male: bool
    birth_year: int
    started: dt.datetime
    seed: str
    scanner: ScannerT
    table_mm: float
    bolus_seconds: float | None

    def uid(self, *parts: object) -> str:
        """Derive a UID below 2.25 (DICOM PS3.5, B.2) from the study's seed and some words."""
        words = "/".join((self.seed, *map(str, parts)))
        digest = hashlib.blake2b(words.encode(), digest_size=16).digest()
        return f"2.25.{int.from_bytes(digest, 'big')}"


@dataclass(frozen=True)
class CtSeries:
    """One phase, ready to be written.

    Attributes:
        phase: Which phase the description shall name.
        seconds: Start of the acquisition after the plain scan's start.
        hounsfield: Attenuation; slices from the feet up.
        geometry: Sampling, before the table's offset.
    """

    phase: CtPhase
    seconds: float
    hounsfield: Int16[np.ndarray, "slice height width"]
    geometry: ScanGeometry


def file_path(scanner: Dialect, series_number: int, place: int) -> Path:
    """Name a file as the scanner's archive does; `place` is its place in a shuffled order."""
    match scanner.layout:
        case FileLayout.SERIES_FOLDERS:
            return Path(f"SER{series_number:05d}", f"{place:08d}{scanner.extension}")
        case FileLayout.FLAT:
            return Path(f"i{place:06d}{scanner.extension}")
        case FileLayout.NESTED:
            name = f"IM{place:06d}{scanner.extension}"
            return Path("DICOM", "ST000000", f"SE{series_number:06d}", name)


def screen_of_lines(size: int) -> UInt8[np.ndarray, "height width"]:
    """Draw bright dashes in rows, as text looks from afar."""
    screen = np.zeros((size, size), dtype=np.uint8)
    for line, top in enumerate(range(12, size - 12, 14)):
        for start in range(10, 60 + (line * 37) % 170, 12):
            screen[top : top + 6, start : start + 8] = 230
    return screen
