"""Ask an installed TotalSegmentator where the liver lies, with weights that the hospital supplies.

TotalSegmentator (Wasserthal et al., Radiology: Artificial Intelligence 2023) is no part of
HepaFed. By itself it downloads missing weights and counts its uses on a server; here it starts
only if the weights are in the given folder, with counting switched off and with every proxy
pointing nowhere.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from shared.dicom.coarse import coarse_geometry, coarse_volume
from shared.dicom.geometry import VolumeGeometry
from shared.errors import PreparationError
from shared.imaging.nifti import encode_nifti
from shared.tasks.liver_range import LiverRange, LiverSource, range_from_nifti, volume_affine

_FAST_MODEL = "Dataset297_*"
"""The 3 mm model of the task ``total``, enough to find an organ's ends."""

_PIXEL_MM = 1.5
"""What the tool gets; half of what its fast model works with."""

_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NOWHERE = "http://127.0.0.1:9"  # the discard port


@dataclass(frozen=True)
class TotalSegmentator:
    """An installation at the hospital.

    Attributes:
        weights: Folder of nnU-Net results that holds the 3 mm model, ``Dataset297_...``.
        program: Command or path of the program.
        device: ``cpu`` or ``gpu``.
        timeout_seconds: After this the program is stopped.
    """

    weights: Path
    program: str = "TotalSegmentator"
    device: str = "cpu"
    timeout_seconds: float = 900.0


def range_from_total_segmentator(
    volume: VolumeGeometry, installation: TotalSegmentator
) -> LiverRange:
    """Let TotalSegmentator segment the liver of a CT volume and take its range.

    Args:
        volume: An axial CT volume.
        installation: Where the program and its weights are.

    Returns:
        The range, unconfirmed.

    Raises:
        PreparationError: If program or weights are absent, if it fails or takes too long, or if
            it finds no liver.
        VolumeError: If an image cannot be decoded.
    """
    program = _program(installation)
    coarse = coarse_geometry(volume, _PIXEL_MM)
    with TemporaryDirectory(prefix="hepafed_liver_") as scratch:
        folder = Path(scratch)
        scan, home = folder / "scan.nii", folder / "home"
        values = coarse_volume(volume, _PIXEL_MM)
        scan.write_bytes(encode_nifti(values, _TO_RAS @ volume_affine(coarse)))
        home.mkdir()
        (home / "config.json").write_text(
            json.dumps({"totalseg_id": "none", "send_usage_stats": False, "prediction_counter": 0}),
            encoding="utf-8",
        )
        _segment(program, scan, folder, installation)
        mask = folder / "liver.nii.gz"
        if not mask.is_file():
            raise PreparationError(
                "TotalSegmentator ended without a mask of the liver. Run it by hand on the series "
                "to see why, or give the range in the manifest."
            )
        return range_from_nifti(mask, coarse, source=LiverSource.TOTAL_SEGMENTATOR)


def _program(installation: TotalSegmentator) -> str:
    program = shutil.which(installation.program)
    if program is None:
        raise PreparationError(
            "TotalSegmentator is not installed on this machine; HepaFed neither contains nor "
            "downloads it. Install it with its weights, or give the liver range in the manifest."
        )
    if not installation.weights.is_dir() or not any(installation.weights.glob(_FAST_MODEL)):
        raise PreparationError(
            f"The folder of TotalSegmentator's weights holds no model {_FAST_MODEL}. HepaFed never "
            "downloads weights: copy them from a machine that has them."
        )
    return program


def _segment(program: str, scan: Path, folder: Path, installation: TotalSegmentator) -> None:
    environment = {
        **os.environ,
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
        "TOTALSEG_WEIGHTS_PATH": str(installation.weights.resolve()),
        "TOTALSEG_HOME_DIR": str(folder / "home"),
    }
    options = ("--roi_subset", "liver", "--fast", "--device", installation.device)
    try:
        ended = subprocess.run(  # noqa: S603  # the hospital names the program
            [program, "-i", str(scan), "-o", str(folder), *options],
            env=environment,
            capture_output=True,
            timeout=installation.timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PreparationError(
            f"TotalSegmentator did not finish within {installation.timeout_seconds:.0f} s. "
            "Raise the limit, use a GPU, or give the liver range in the manifest."
        ) from error
    except OSError as error:
        raise PreparationError(
            "TotalSegmentator cannot be started. Check the program's path and rights."
        ) from error
    if ended.returncode != 0:
        raise PreparationError(
            f"TotalSegmentator failed with exit code {ended.returncode}. Run it by hand on the "
            "series to see why, or give the liver range in the manifest."
        )
