"""Sound files to damage: pydicom's own, small synthetic series in every compression, real ones."""

from collections import defaultdict
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import gdcm
from pydicom import data, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from shared.dicom.parsing import PARSE_ERRORS, quiet_pydicom
from shared.dicom.scan import scan_files
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, SiteSpec

LARGEST_SEED_BYTES = 700_000
"""A 512 x 512 image of 16 bits; larger ones would spend the time on copying."""

_NEIGHBOURS = 6  # with itself; one more than the smallest volume
_MATRIX = 64
_MAGIC_END = 132


@dataclass(frozen=True)
class Element:
    """Where one top-level element lies in the bytes of its file."""

    tag: int
    vr: str
    length_at: int
    length_bytes: int
    value_at: int
    value_bytes: int
    little_endian: bool


@dataclass(frozen=True)
class Seed:
    """A file, what is known of its layout, and images of the same series to group it with."""

    name: str
    raw: bytes
    elements: tuple[Element, ...]
    dataset_at: int
    transfer_syntax: str
    siblings: tuple[Path, ...]
    patient_id: str
    is_grey_image: bool

    @property
    def pixels(self) -> Element | None:
        """Give the pixel data, if there are any."""
        return next((e for e in self.elements if e.tag == 0x7FE00010), None)


def collect_seeds(work: Path, more: Path | None) -> list[Seed]:
    """Give every seed, in an order that depends on file names alone.

    Args:
        work: Where synthetic series are written, unless they are there already.
        more: A folder of further DICOM files, or None.
    """
    packaged = Path(data.__file__).parent
    single = [packaged / name for name in ("test_files", "charset_files")]
    series = [_synthetic_series(work)]
    if more is not None and more.is_dir():
        series.append(more)
    seeds = []
    for folder in (*single, *series):
        paths = sorted(p for p in folder.rglob("*") if p.is_file())
        siblings = _siblings(paths) if folder in series else {}
        for path in paths:
            name = f"{folder.name}/{path.relative_to(folder)}"
            seed = read_seed(path, siblings.get(path, ()), name)
            if seed is not None:
                seeds.append(seed)
    return seeds


def read_seed(path: Path, siblings: tuple[Path, ...], name: str) -> Seed | None:
    """Read one seed; None where a file is no DICOM file or too large."""
    raw = path.read_bytes()
    if len(raw) > LARGEST_SEED_BYTES or raw[128:_MAGIC_END] != b"DICM":
        return None
    try:
        with quiet_pydicom():
            dataset = dcmread(BytesIO(raw), force=True)
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
            patient_id = str(dataset.get("PatientID", ""))
            grey = "PixelData" in dataset and dataset.get("SamplesPerPixel") == 1
            dataset = dcmread(BytesIO(raw), force=True)
            found = [dataset.get_item(tag) for tag in list(dataset.keys())]
    except PARSE_ERRORS:
        return None
    start = _MAGIC_END
    if raw[start : start + 6] == b"\2\0\0\0UL":
        start += 12 + int.from_bytes(raw[140:144], "little")
    elements = [_element(item) for item in found if isinstance(item, RawDataElement)]
    if syntax == DeflatedExplicitVRLittleEndian:
        elements = []  # their places hold in the inflated bytes only
    return Seed(name, raw, tuple(elements), start, syntax, siblings, patient_id, grey)


def _element(item: RawDataElement) -> Element:
    long = item.VR in {"OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT", "OV", "SV", "UV"}
    length_bytes = 4 if item.is_implicit_VR or long else 2
    return Element(
        tag=int(item.tag),
        vr=item.VR or "",
        length_at=item.value_tell - length_bytes,
        length_bytes=length_bytes,
        value_at=item.value_tell,
        value_bytes=len(item.value or b""),
        little_endian=item.is_little_endian,
    )


def _siblings(paths: list[Path]) -> dict[Path, tuple[Path, ...]]:
    """Give every image its neighbours in space within its series."""
    series = defaultdict(list)
    for instance in scan_files(paths).instances:
        if instance.position_mm is not None and instance.frame is None:
            series[instance.series_uid].append((instance.position_mm[2], instance.path))
    found = {}
    for members in series.values():
        ordered = [path for _, path in sorted(members)]
        for place, path in enumerate(ordered):
            first = min(max(place - _NEIGHBOURS // 2, 0), max(len(ordered) - _NEIGHBOURS, 0))
            found[path] = tuple(p for p in ordered[first : first + _NEIGHBOURS] if p != path)
    return found


def _synthetic_series(work: Path) -> Path:
    """Write one small study per vendor, each in another compression."""
    names = ("siemens", "ge", "philips", "uih")
    sites = tuple(SiteSpec(f"site-{name}", 1, name) for name in names)
    cohort = work / "cohort"
    write_cohort(
        CohortSpec(sites, seed=7, matrix=_MATRIX, slices=8), cohort, workers=1, progress=None
    )
    done = work / "compressed"
    if not done.exists():
        for site, syntax in zip(
            sites, (JPEG2000Lossless, RLELossless, JPEGLSLossless, None), strict=True
        ):
            for path in _files(cohort / site.name / "dicom")[:12]:
                _compress(path, syntax)
        for path in _files(cohort / "site-uih" / "dicom")[12:18]:
            _deflate(path)
        done.touch()
    return cohort


def _files(folder: Path) -> list[Path]:
    """List the axial images; OpenJPEG cannot compress a localizer of eight rows."""
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return [p for p in found if dcmread(p, stop_before_pixels=True).Rows == _MATRIX]


def _compress(path: Path, syntax: str | None) -> None:
    if syntax is None:
        _compress_jpeg_lossless(path)
        return
    dataset = dcmread(path)
    plugin = "pylibjpeg" if syntax == JPEG2000Lossless else ""
    dataset.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    dataset.save_as(path)


def _compress_jpeg_lossless(path: Path) -> None:
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.Write()


def _deflate(path: Path) -> None:
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
