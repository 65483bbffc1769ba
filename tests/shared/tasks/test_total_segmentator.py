"""An optional program: absent, without weights, failing, slow, or answering."""

import stat
import sys
from pathlib import Path

import pytest
from ct_files import CtFiles, body, write_ct

from shared.dicom.geometry import order_volume
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series
from shared.errors import PreparationError
from shared.tasks.liver_range import LiverSource
from shared.tasks.total_segmentator import TotalSegmentator, range_from_total_segmentator

# Marks the slices that are brighter than 80 HU, and fails where its environment could reach out.
ANSWERS = """
import json, os, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {root!r})
from shared.imaging.nifti import encode_nifti, parse_nifti
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
home = json.loads(Path(os.environ["TOTALSEG_HOME_DIR"], "config.json").read_text())
if home["send_usage_stats"] or os.environ["HTTPS_PROXY"] != "http://127.0.0.1:9":
    sys.exit(9)
if not list(Path(os.environ["TOTALSEG_WEIGHTS_PATH"]).glob("Dataset297_*")):
    sys.exit(8)
scan = parse_nifti(Path(options["-i"]).read_bytes())
mask = (scan.values > 80).astype("f4")
Path(options["-o"], "liver.nii.gz").write_bytes(encode_nifti(mask, scan.affine))
"""


@pytest.fixture
def volume(tmp_path):
    values = body(6, 40.0)
    values[2:5, 4:8, 4:8] = 100.0
    write_ct(tmp_path / "ct", CtFiles(z_mm=tuple(range(0, 30, 5)), pixel_mm=0.7, values_hu=values))
    (series,) = group_series(scan_folder(tmp_path / "ct").instances)
    return order_volume(series)


def _installation(folder: Path, script: str, **changes) -> TotalSegmentator:
    program = folder / "TotalSegmentator"
    root = str(Path(__file__).resolve().parents[3])
    program.write_text(f"#!{sys.executable}\n" + script.replace("{root!r}", repr(root)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    weights = folder / "weights"
    (weights / "Dataset297_TotalSegmentator_total_3mm_1559subj").mkdir(parents=True)
    return TotalSegmentator(weights=weights, program=str(program), **changes)


def test_its_mask_becomes_a_range(tmp_path, volume):
    found = range_from_total_segmentator(volume, _installation(tmp_path, ANSWERS))
    assert (found.lower_mm, found.upper_mm) == (10.0, 20.0)
    assert found.source is LiverSource.TOTAL_SEGMENTATOR
    assert found.confirmed_by == ""


def test_an_absent_program_is_said_so(tmp_path, volume):
    installation = TotalSegmentator(weights=tmp_path, program=str(tmp_path / "nowhere"))
    with pytest.raises(PreparationError, match="not installed on this machine"):
        range_from_total_segmentator(volume, installation)


def test_absent_weights_are_never_downloaded(tmp_path, volume):
    installation = _installation(tmp_path, ANSWERS)
    next(installation.weights.iterdir()).rmdir()
    with pytest.raises(PreparationError, match="never downloads weights"):
        range_from_total_segmentator(volume, installation)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("pass", "without a mask"),
    ],
)
def test_a_failure_is_a_sentence(tmp_path, volume, script, sentence):
    with pytest.raises(PreparationError, match=sentence):
        range_from_total_segmentator(volume, _installation(tmp_path, script))


def test_a_program_that_never_ends_is_stopped(tmp_path, volume):
    slow = _installation(tmp_path, "import time; time.sleep(60)", timeout_seconds=0.5)
    with pytest.raises(PreparationError, match="did not finish within"):
        range_from_total_segmentator(volume, slow)
