"""Rigid registration of two volumes by mutual information, with a check that it helped.

Viola and Wells, IJCV 1997;24:137; Mattes et al., IEEE TMI 2003;22:120, as in SimpleITK. Only for
volumes whose coordinates do not correspond; rigid, since a deformation could change a lesion.
"""
# mypy: allow-untyped-calls
# SimpleITK has no annotations; its values are typed where they leave it.

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk  # noqa: N813  # its documented short name
from jaxtyping import Float32, Float64

from shared.errors import PreparationError
from shared.imaging.resample import PlaneStack

_BINS = 32
_SAMPLED = 0.1
"""Share of voxels in the search; the check uses all of them."""

_SEED = 42
_SHRINK = (2, 1)
_SMOOTHING_MM = (3.0, 0.0)
_ITERATIONS = 80
_START_OFFSETS_MM = tuple(range(-160, 161, 40))
"""Tried along the body: scans of different length have different centres."""

SMALLEST_GAIN = 0.02
"""By which mutual information must grow over both starts, as a share of it."""

LARGEST_DISAGREEMENT_MM = 3.0
"""Between the registration and that of the swapped volumes, 100 mm around the centre: a wrong
optimum is not found from both sides. Below the 5 mm slices of the published study."""

LARGEST_STILL_MM = 2.0
"""A smaller motion of every probe is none: the volumes already lie on each other, and only their
frames of reference have different names."""

_PROBE_MM = 100.0


@dataclass(frozen=True)
class RigidMotion:
    """A rotation and a shift: a point ``x`` of the fixed volume lies at ``rotation @ x + shift``.

    Attributes:
        rotation: Orthonormal.
        shift_mm: Added after the rotation.
    """

    rotation: Float64[np.ndarray, "3 3"]
    shift_mm: Float64[np.ndarray, "3"]

    def move(self, points_mm: Float64[np.ndarray, "... 3"]) -> Float64[np.ndarray, "... 3"]:
        """Give where points of the fixed volume lie in the moving one."""
        return np.asarray(points_mm @ self.rotation.T + self.shift_mm)

    def angle_degrees(self) -> float:
        """Give the angle of the rotation."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.rotation) - 1) / 2, -1, 1))))


@dataclass(frozen=True)
class Registration:
    """What a registration found and how far to trust it.

    Attributes:
        motion: From the fixed volume to the moving one.
        moved_mm: Largest way of a point 100 mm around the centre.
        information_before: Mutual information of the volumes as they lie, or with their centres
            together, whichever is larger; nats.
        information_after: The same after the motion.
        disagreement_mm: Largest distance between a point and its image there and back.
    """

    motion: RigidMotion
    moved_mm: float
    information_before: float
    information_after: float
    disagreement_mm: float

    def trusted(self) -> bool:
        """Tell whether both directions agree, and the volumes fit better or did so already."""
        gained = self.information_after >= (1 + SMALLEST_GAIN) * self.information_before
        return (gained or self.still()) and self.disagreement_mm <= LARGEST_DISAGREEMENT_MM

    def still(self) -> bool:
        """Tell whether the volumes already lie on each other."""
        return self.moved_mm <= LARGEST_STILL_MM


def register_rigid(
    fixed: Float32[np.ndarray, "slice height width"],
    fixed_at: PlaneStack,
    moving: Float32[np.ndarray, "_ _ _"],
    moving_at: PlaneStack,
) -> Registration:
    """Find the motion that lays one volume onto another.

    Args:
        fixed: Clipped to the tissue of interest; pixels of about 4 mm serve.
        fixed_at: Where its slices lie.
        moving: The other volume, clipped alike.
        moving_at: Where its slices lie.

    Returns:
        The motion; ask ``trusted`` before using it.

    Raises:
        PreparationError: If the volumes have too little in common to begin.
    """
    one, other = _image(fixed, fixed_at), _image(moving, moving_at)
    try:
        forward, backward = _search(one, other), _search(other, one)
        after = _information(one, other, forward)
        starts = (_still(one), _centred(one, other))
        before = max(_information(one, other, start) for start in starts)
    except RuntimeError as error:
        raise PreparationError(
            "The volumes cannot be registered: they have too little in common. "
            "Choose phases of one examination."
        ) from error
    motion, back = _motion(forward), _motion(backward)
    centre = np.array(_centre(one))
    probes = centre + _PROBE_MM * np.array(list(product((-1.0, 1.0), repeat=3)))
    return Registration(
        motion=motion,
        moved_mm=float(np.linalg.norm(motion.move(probes) - probes, axis=-1).max()),
        information_before=before,
        information_after=after,
        disagreement_mm=float(
            np.linalg.norm(back.move(motion.move(probes)) - probes, axis=-1).max()
        ),
    )


def _image(values: Float32[np.ndarray, "slice height width"], at: PlaneStack) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    step = (at.origins_mm[-1] - at.origins_mm[0]) / (len(at.origins_mm) - 1)
    length = float(np.linalg.norm(step))
    columns = np.column_stack([at.axes[1], at.axes[0], step / length])
    image.SetSpacing((float(at.pixel_mm[1]), float(at.pixel_mm[0]), length))
    image.SetDirection(columns.ravel().tolist())
    image.SetOrigin(at.origins_mm[0].tolist())
    return image


def _centre(image: sitk.Image) -> list[float]:
    return list(
        image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    )


def _still(fixed: sitk.Image) -> sitk.Euler3DTransform:
    start = sitk.Euler3DTransform()
    start.SetCenter(_centre(fixed))
    return start


def _centred(fixed: sitk.Image, moving: sitk.Image, along_mm: float = 0.0) -> sitk.Euler3DTransform:
    """Lay centre on centre, and shift along the body."""
    start = _still(fixed)
    shift = np.array(_centre(moving)) - np.array(_centre(fixed))
    shift[2] += along_mm
    start.SetTranslation(shift.tolist())
    return start


def _information(fixed: sitk.Image, moving: sitk.Image, at: sitk.Transform) -> float:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums in one order, so that runs repeat
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetInitialTransform(at)
    try:
        return -float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return 0.0  # no voxel of one lies in the other


def _search(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    small = [sitk.Shrink(image, _shrink(image)) for image in (fixed, moving)]
    starts = [_centred(fixed, moving, along) for along in _START_OFFSETS_MM]
    start = max([*starts, _still(fixed)], key=lambda at: _information(small[0], small[1], at))
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(_SAMPLED, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=4.0, minStep=1e-3, numberOfIterations=_ITERATIONS, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTHING_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    found: sitk.Transform = method.Execute(fixed, moving)
    return found


def _shrink(image: sitk.Image) -> Sequence[int]:
    return [max(1, min(2, side // 16)) for side in image.GetSize()]


def _motion(transform: sitk.Transform) -> RigidMotion:
    shift = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    images = [np.array(transform.TransformPoint(tuple(unit))) for unit in np.eye(3).tolist()]
    return RigidMotion(np.column_stack(images) - shift[:, None], shift)
