"""A synthetic abdomen seen twice, the second time through a motion that is known."""

from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

from shared.imaging.resample import PlaneStack
from shared.imaging.resample_moved import resample_moved
from shared.imaging.rigid import RigidMotion
from shared.vocabulary import CtPhase
from simulations.synthetic.patient import draw_patient, paint_phase, render_phase
from simulations.synthetic.spec import CohortSpec, even_sites

SPEC = CohortSpec(sites=even_sites(4, 30), seed=7, matrix=72, slices=32)


def motion(angles_degrees, shift_mm) -> RigidMotion:
    """Make a motion from angles about x, y, z and a shift."""
    turn = Rotation.from_euler("xyz", angles_degrees, degrees=True).as_matrix()
    return RigidMotion(turn, np.array(shift_mm, dtype=float))


def inverse(moved: RigidMotion) -> RigidMotion:
    return RigidMotion(moved.rotation.T, -moved.rotation.T @ moved.shift_mm)


def phases(number: int):
    """Give the portal and the arterial phase of one body that did not move, and their grid."""
    patient = draw_patient(SPEC, number % 4, number)
    seen = paint_phase(patient, CtPhase.PORTAL)
    portal, arterial = (
        render_phase(SPEC, patient, seen, phase).astype(np.float32)
        for phase in (CtPhase.PORTAL, CtPhase.ARTERIAL)
    )
    geometry = patient.geometry
    heights = np.asarray(geometry.heights_mm(), dtype=float)
    left, top = geometry.first_mm[:2]
    origins = np.column_stack([np.full_like(heights, left), np.full_like(heights, top), heights])
    at = PlaneStack(
        origins_mm=origins,
        axes=np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
        positions_mm=heights,
        pixel_mm=(geometry.spacing_mm, geometry.spacing_mm),
        shape=portal.shape[1:],
    )
    return portal, arterial, at


def centre(at: PlaneStack) -> np.ndarray:
    middle = [(side - 1) / 2 * mm for side, mm in zip(at.shape, at.pixel_mm, strict=True)]
    return at.origins_mm.mean(axis=0) + middle[0] * at.axes[0] + middle[1] * at.axes[1]


def seen_elsewhere(values, at, moved):
    """Show a volume on a grid of another frame of reference, in which the body is moved."""
    origins = at.origins_mm + moved.move(centre(at)) - centre(at)
    there = PlaneStack(origins, at.axes, origins[:, 2], at.pixel_mm, at.shape)
    shown = resample_moved(lambda i: values[i], at, there, at.step_mm, inverse(moved), -1000.0)
    return shown, there


def error_mm(found: RigidMotion, true: RigidMotion, at: PlaneStack) -> float:
    """Give the largest error 100 mm around the centre, along each axis."""
    probes = centre(at) + 100.0 * np.array(list(product((-1.0, 1.0), repeat=3)))
    return float(np.linalg.norm(found.move(probes) - true.move(probes), axis=1).max())
