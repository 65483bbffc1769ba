"""Sequences of different frames of reference meet by registration, if it is wanted and works."""

import shutil

import numpy as np
import pytest
from pydicom import dcmread
from rigid_phantom import motion

from shared.errors import PreparationError
from shared.tasks.mri_preparation import prepare_mri_study
from shared.tasks.preparation_settings import MriPreparation
from shared.vocabulary import MriSequence
from simulations.synthetic.mri_cohort import write_mri_cohort
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec

PREPARATION = MriPreparation(
    sequences=(MriSequence.T1_ARTERIAL, MriSequence.T2_FSE), height=64, width=90
)
T2_SERIES = 3
TRUE = motion((2.0, -1.0, 5.0), (12.0, -9.0, 40.0))
STILL = motion((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write a patient who held her breath alike in every sequence."""
    out = tmp_path_factory.mktemp("cohort") / "out"
    site = MriSiteSpec("site-a", 1, "uih")
    spec = MriCohortSpec((site,), seed=7, columns=80, slices=32, misregistration_mm=0.0)
    write_mri_cohort(spec, out, workers=1, progress=None)
    (folder,) = (out / "site-a" / "dicom").iterdir()
    return folder


def _landmarked_anew(study, folder, moved, noise=None):
    """Copy the study with its T2 in another frame of reference, in which the patient moved."""
    shutil.copytree(study, folder)
    for path in (path for path in folder.rglob("*") if path.is_file()):
        image = dcmread(path)
        if image.SeriesNumber != T2_SERIES:
            continue
        place = np.array(image.ImagePositionPatient, dtype=float)
        axes = np.array(image.ImageOrientationPatient, dtype=float).reshape(2, 3)
        image.ImagePositionPatient = [f"{v:.6f}" for v in moved.move(place)]
        image.ImageOrientationPatient = [f"{v:.9f}" for v in (axes @ moved.rotation.T).ravel()]
        image.FrameOfReferenceUID = "2.25.9"
        if noise is not None:
            size = (image.Rows, image.Columns)
            image.PixelData = noise.integers(0, 900, size).astype("<u2").tobytes()
        image.save_as(path)
    return folder


def test_a_registered_sequence_looks_as_if_the_patient_had_not_moved(tmp_path, study):
    moved = _landmarked_anew(study, tmp_path / "moved", TRUE)
    with pytest.raises(PreparationError, match=r"registration = true. under \[alignment\]"):
        prepare_mri_study(moved, PREPARATION)
    registered = prepare_mri_study(moved, PREPARATION, registration=True)
    expected = prepare_mri_study(study, PREPARATION)
    kept = np.isin(expected.positions_mm, registered.positions_mm)
    assert len(registered.images) >= 0.8 * len(expected.images)
    assert np.array_equal(registered.images[:, 0], expected.images[kept, 0])
    difference = np.abs(registered.images[:, 1] - expected.images[kept, 1])
    assert difference.mean() < 0.15  # of the body's deviation: noise and borders of organs
    (notice,) = [text for text in registered.notices if "registered" in text]
    assert notice.startswith("T2 FSE: registered rigidly to the T1 arterial sequence, by 5.")


def test_another_name_for_the_same_frame_moves_nothing(tmp_path, study):
    renamed = prepare_mri_study(
        _landmarked_anew(study, tmp_path / "renamed", STILL), PREPARATION, registration=True
    )
    assert np.array_equal(renamed.images, prepare_mri_study(study, PREPARATION).images)
    assert any("both lie on each other" in notice for notice in renamed.notices)


def test_what_does_not_fit_is_refused(tmp_path, study):
    noise = np.random.default_rng(0)
    other = _landmarked_anew(study, tmp_path / "other", TRUE, noise)
    with pytest.raises(PreparationError, match="T2 FSE: cannot be registered"):
        prepare_mri_study(other, PREPARATION, registration=True)
