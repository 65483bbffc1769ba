"""Phases of different frames of reference meet by registration, if it is wanted and works."""

import numpy as np
import pytest
from ct_files import CtFiles, write_ct
from rigid_phantom import motion, phases, seen_elsewhere

from shared.errors import PreparationError
from shared.tasks.preparation import prepare_study
from shared.tasks.preparation_settings import CtPreparation
from shared.vocabulary import CtPhase

PREPARATION = CtPreparation((CtPhase.ARTERIAL, CtPhase.PORTAL), image_size=56)
TRUE = motion((2.0, -1.0, 5.0), (12.0, -9.0, 40.0))


def _files(values, at, number, phase, **changes):
    return CtFiles(
        number=number,
        description=phase.value,
        acquired=f"10{number:02d}00",
        z_mm=tuple(at.origins_mm[:, 2].tolist()),
        origin_xy_mm=tuple(at.origins_mm[0, :2].tolist()),
        pixel_mm=at.pixel_mm[0],
        values_hu=np.clip(values, -1024, 3000),
        **changes,
    )


@pytest.fixture(scope="module")
def body():
    return phases(1)


def _write(folder, portal, at, arterial, arterial_at, frame_uid):
    write_ct(folder, _files(portal, at, 4, CtPhase.PORTAL))
    write_ct(folder, _files(arterial, arterial_at, 3, CtPhase.ARTERIAL, frame_uid=frame_uid))
    return folder


def test_a_registered_phase_looks_as_if_the_patient_had_not_moved(tmp_path, body):
    portal, arterial, at = body
    shown, there = seen_elsewhere(arterial, at, TRUE)
    moved = _write(tmp_path / "moved", portal, at, shown, there, "2.25.2001")
    still = _write(tmp_path / "still", portal, at, arterial, at, "2.25.2000")
    with pytest.raises(PreparationError, match=r"registration = true. under \[alignment\]"):
        prepare_study(moved, PREPARATION)
    registered = prepare_study(moved, PREPARATION, registration=True)
    expected = prepare_study(still, PREPARATION)
    kept = np.isin(expected.positions_mm.round(2), registered.positions_mm.round(2))
    difference = np.abs(registered.images[:, 0] - expected.images[kept, 0])
    assert len(registered.images) >= 0.7 * len(expected.images)  # the shift leaves some uncovered
    assert difference.mean() < 0.03  # of the window: noise and one interpolation more
    assert np.array_equal(registered.images[:, 1], expected.images[kept, 1])
    assert any("registered rigidly to the portal phase" in note for note in registered.notices)


def test_another_name_for_the_same_frame_moves_nothing(tmp_path, body):
    portal, arterial, at = body
    renamed = _write(tmp_path / "renamed", portal, at, arterial, at, "2.25.2001")
    still = _write(tmp_path / "still", portal, at, arterial, at, "2.25.2000")
    study = prepare_study(renamed, PREPARATION, registration=True)
    assert np.array_equal(study.images, prepare_study(still, PREPARATION).images)
    assert any("both lie on each other" in note for note in study.notices)


def test_a_registration_that_does_not_help_is_refused(tmp_path, body):
    portal, _, at = body
    noise = np.random.default_rng(0).uniform(-160.0, 240.0, portal.shape)
    study = _write(tmp_path, portal, at, noise, at, "2.25.2001")
    with pytest.raises(PreparationError, match=r"arterial phase cannot be registered.*both dir"):
        prepare_study(study, PREPARATION, registration=True)
