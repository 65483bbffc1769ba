"""Order a candidate's images in space and refuse what is not one regular volume.

Everything comes from ImagePositionPatient and ImageOrientationPatient (DICOM PS3.3 C.7.6.2.1.1);
slice thickness and instance numbers are never believed. Usual readers build a volume of wrong
spacing out of a missing slice, a tilt or two echoes without a word; here each has a sentence.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from shared.dicom.header import InstanceHeader
from shared.dicom.series import CandidateSeries
from shared.errors import VolumeError

RELATIVE_TOLERANCE = 0.01
"""Of the slice step; scanners round positions to three decimals or better."""

SMALLEST_TOLERANCE_MM = 0.1
"""Far below a voxel; kept for thin slices whose 1 % is less than rounding."""

LARGEST_TILT_DEGREES = 30.0
"""CT gantries tilt that far at most."""

_UNIT_TOLERANCE = 1e-3  # of direction cosines, which some vendors write with four decimals


@dataclass(frozen=True)
class VolumeGeometry:
    """Where every image of a volume lies, in the patient's millimetres (x left, y back, z head).

    Attributes:
        instances: The images, ordered along the normal (feet to head for axial ones).
        origins_mm: Centre of each image's first pixel.
        axes: Unit vectors down a column and along a row (directions of growing row and column).
        normal: Unit vector across the images; positions grow along it.
        positions_mm: Each image's position along the normal, growing.
        pixel_spacing_mm: Distance between rows and between columns.
        step_mm: Distance between neighbouring images, along the normal.
        shape: Images, rows, columns.
        tilt_degrees: Angle between the table's step and the normal; a tilted volume is sheared,
            which its origins describe exactly.
    """

    instances: tuple[InstanceHeader, ...]
    origins_mm: Float64[np.ndarray, "slice 3"]
    axes: Float64[np.ndarray, "2 3"]
    normal: Float64[np.ndarray, "3"]
    positions_mm: Float64[np.ndarray, " slice"]
    pixel_spacing_mm: tuple[float, float]
    step_mm: float
    shape: tuple[int, int, int]
    tilt_degrees: float


def order_volume(series: CandidateSeries) -> VolumeGeometry:
    """Order a candidate's images and check that they form one regular volume.

    Args:
        series: A candidate with one orientation, echo, kind and matrix.

    Returns:
        Its geometry; a gantry tilt stays in it as a shear.

    Raises:
        VolumeError: If images are damaged, carry no place, repeat, are missing or shifted.
    """
    _refuse_damage(series)
    spacing, axes, normal = _frame(series)
    origins = np.array([i.position_mm for i in series.instances], dtype=np.float64)
    along = origins @ normal
    order = np.argsort(along, kind="stable")
    instances = tuple(series.instances[i] for i in order)
    origins, along = origins[order], along[order]
    step_mm = _step(series, along)
    tilt = _tilt(series, origins, normal, step_mm)
    head = instances[0]
    return VolumeGeometry(
        instances=instances,
        origins_mm=origins,
        axes=axes,
        normal=normal,
        positions_mm=along,
        pixel_spacing_mm=spacing,
        step_mm=step_mm,
        shape=(len(instances), head.rows, head.columns),
        tilt_degrees=tilt,
    )


def _refuse_damage(series: CandidateSeries) -> None:
    damaged = [i for i in series.instances if i.damage]
    if damaged:
        raise VolumeError(
            f"{_begin(series)}: {len(damaged)} of {len(series.instances)} images cannot be used; "
            f"of the first, {damaged[0].damage}. Send the series again from the archive."
        )
    if len(series.instances) < 2:  # noqa: PLR2004  # two images make a step
        raise VolumeError(f"{_begin(series)}: one image alone is no volume. Choose another series.")


def _frame(
    series: CandidateSeries,
) -> tuple[tuple[float, float], Float64[np.ndarray, "2 3"], Float64[np.ndarray, "3"]]:
    """Check the tags that place the images, and give spacing, in-plane axes and normal."""
    missing = [
        name
        for name, absent in (
            ("position", any(i.position_mm is None for i in series.instances)),
            ("orientation", any(i.orientation is None for i in series.instances)),
            ("pixel spacing", any(i.pixel_spacing_mm is None for i in series.instances)),
        )
        if absent
    ]
    if missing:
        raise VolumeError(
            f"{_begin(series)}: images without {' and '.join(missing)} cannot be placed in the "
            "patient. Send the original series, not a converted copy."
        )
    spacings = np.array([i.pixel_spacing_mm for i in series.instances], dtype=np.float64)
    if spacings.min() <= 0 or np.ptp(spacings, axis=0).max() > RELATIVE_TOLERANCE * spacings.min():
        raise VolumeError(
            f"{_begin(series)}: the pixel spacing is not one positive value for all images "
            f"({spacings.min():.3f} to {spacings.max():.3f} mm). "
            "Send reconstructions of different field of view as different series."
        )
    directions = np.array([i.orientation for i in series.instances], dtype=np.float64)
    row, column = directions[0, :3], directions[0, 3:]
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(row @ column))) > _UNIT_TOLERANCE:
        raise VolumeError(
            f"{_begin(series)}: the image orientation is not two unit vectors at a right angle. "
            "Send the original series, not a converted copy."
        )
    if np.abs(directions - directions[0]).max() > _UNIT_TOLERANCE:
        raise VolumeError(
            f"{_begin(series)}: the images are not parallel. Choose a series of parallel slices."
        )
    axes = np.stack([column / lengths[1], row / lengths[0]])
    normal = np.cross(axes[1], axes[0])
    if normal[np.argmax(np.abs(normal))] < 0:
        normal = -normal  # an image flipped in plane still counts from feet to head
    first = series.instances[0].pixel_spacing_mm or (0.0, 0.0)
    return (first[0], first[1]), axes, normal / np.linalg.norm(normal)


def _step(series: CandidateSeries, along: Float64[np.ndarray, " slice"]) -> float:
    """Demand equal steps and give them, or say which images repeat or are missing."""
    steps = np.diff(along)
    typical = float(np.median(steps))
    repeated = int((steps < SMALLEST_TOLERANCE_MM).sum())
    if repeated:
        raise VolumeError(
            f"{_begin(series)}: {repeated + 1} or more images lie at the same table position "
            f"({repeated} repeats in {len(along)} images), so it holds more than one volume. "
            "Send each reconstruction or phase as its own series."
        )
    tolerance = max(RELATIVE_TOLERANCE * typical, SMALLEST_TOLERANCE_MM)
    odd = np.flatnonzero(np.abs(steps - typical) > tolerance)
    if len(odd) == 0:
        return float((along[-1] - along[0]) / (len(along) - 1))
    multiples = np.rint(steps[odd] / typical)
    if (multiples >= 2).all() and np.all(  # noqa: PLR2004  # two steps hold one missing image
        np.abs(steps[odd] - multiples * typical) <= tolerance * multiples
    ):
        at = int(odd[0])
        raise VolumeError(
            f"{_begin(series)}: {int((multiples - 1).sum())} image(s) missing; the first gap is "
            f"between image {at + 1} and {at + 2} in table order, {steps[at]:.1f} mm wide where "
            f"{typical:.1f} mm were expected. Send the complete series."
        )
    raise VolumeError(
        f"{_begin(series)}: the distance between images changes from {steps.min():.2f} to "
        f"{steps.max():.2f} mm. Choose a reconstruction with equal spacing."
    )


def _tilt(
    series: CandidateSeries,
    origins: Float64[np.ndarray, "slice 3"],
    normal: Float64[np.ndarray, "3"],
    step_mm: float,
) -> float:
    """Demand that images shift evenly within their plane, and give the angle of the shift."""
    moves = np.diff(origins, axis=0)
    aside = moves - np.outer(moves @ normal, normal)
    mean = aside.mean(axis=0)
    uneven = float(np.linalg.norm(aside - mean, axis=1).max())
    if uneven > max(RELATIVE_TOLERANCE * step_mm, SMALLEST_TOLERANCE_MM):
        raise VolumeError(
            f"{_begin(series)}: images are shifted against each other by up to {uneven:.1f} mm "
            "within their plane. Choose a reconstruction with one centre for all images."
        )
    tilt = float(np.degrees(np.arctan2(np.linalg.norm(mean), step_mm)))
    if tilt > LARGEST_TILT_DEGREES:
        raise VolumeError(
            f"{_begin(series)}: images step {tilt:.0f}° away from their normal, which no gantry "
            f"does (at most {LARGEST_TILT_DEGREES:.0f}°). Send the original series."
        )
    return tilt


def _begin(series: CandidateSeries) -> str:
    name = series.name
    return name[0].upper() + name[1:]
