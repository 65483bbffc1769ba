"""A liver MRI study of three geometries: one body with a landmark, seen by every series."""

from dataclasses import replace

import numpy as np
from mr_files import liver_study

POINT_MM = np.array([12.0, -9.0, 30.0])
GRIDS = {
    3: (np.arange(-5.0, 66, 7.0), 3.5, (46, 46), (-80.0, -80.0)),
    4: (np.arange(-3.0, 68, 6.0), 4.0, (32, 40), (-79.0, -63.0)),
    6: (np.arange(0.0, 61, 4.0), 3.0, (40, 52), (-76.0, -58.0)),
}
"""Heights, pixel, rows and columns, first pixel of T2, dual echo and the dynamic series."""


def phantom(z_mm, pixel_mm, shape, origin_mm, tilt=0.0):
    """Show an elliptic body with organs of its own per height and a bright ball at the point."""
    row, column = np.indices(shape) * pixel_mm
    planes = []
    for z in z_mm:
        x, y = origin_mm[0] + column, origin_mm[1] + row * np.cos(tilt)
        height = z + row * np.sin(tilt)
        plane = np.where((x / 66) ** 2 + (y / 46) ** 2 < 1, 400.0, 20.0)
        plane[(plane > 20) & (x < 0)] = 500.0 + height[(plane > 20) & (x < 0)]
        away = np.sqrt(
            (x - POINT_MM[0]) ** 2 + (y - POINT_MM[1]) ** 2 + (height - POINT_MM[2]) ** 2
        )
        planes.append(np.where(away < 16, 900.0, plane))
    return 5 * np.round(np.array(planes) / 5)  # gains of 2.2 stay whole numbers


def phantom_study():
    """Describe six series of three geometries."""
    described = []
    for one in liver_study():
        z_mm, pixel_mm, shape, origin = GRIDS[{5: 4, 7: 6, 9: 6}.get(one.number, one.number)]
        described.append(
            replace(
                one,
                z_mm=tuple(z_mm),
                pixel_mm=pixel_mm,
                origin_xy_mm=origin,
                values_hu=phantom(z_mm, pixel_mm, shape, origin),
            )
        )
    return described


def with_changed(number, change):
    """Give the study with one series changed."""
    return [change(one) if one.number == number else one for one in phantom_study()]
