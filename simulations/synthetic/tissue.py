"""What a voxel is made of, and a volume of such voxels, whatever the modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import UInt8

from simulations.synthetic.grid import Box, Grid

Labels = UInt8[np.ndarray, "slice height width"]


class Tissue(IntEnum):
    """What a voxel is made of."""

    AIR = 0
    LUNG = 1
    FAT = 2
    MUSCLE = 3
    BONE = 4
    MARROW = 5
    LIVER = 6
    SPLEEN = 7
    KIDNEY_MEDULLA = 8
    KIDNEY_CORTEX = 9
    AORTA = 10
    VENA_CAVA = 11
    PORTAL_VEIN = 12
    HEPATIC_VEIN = 13
    GALL_BLADDER = 14
    STOMACH = 15
    GAS = 16
    BOWEL = 17
    SKIN = 18
    HEART = 19
    TUMOUR = 20
    NECROSIS = 21
    CAPSULE = 22
    THROMBUS = 23
    LIPIODOL = 24


IN_LIVER = (
    Tissue.LIVER,
    Tissue.PORTAL_VEIN,
    Tissue.HEPATIC_VEIN,
    Tissue.TUMOUR,
    Tissue.NECROSIS,
    Tissue.CAPSULE,
    Tissue.THROMBUS,
    Tissue.LIPIODOL,
)
"""What a reader would count as liver; the extrahepatic portal trunk is included."""

IN_LESION = (Tissue.TUMOUR, Tissue.NECROSIS, Tissue.CAPSULE, Tissue.LIPIODOL)


@dataclass(frozen=True)
class LabelledVolume:
    """The tissue of every voxel, as one acquisition saw the patient.

    Attributes:
        labels: `Tissue` values; slices from the feet up, rows to the back, columns to the left.
        grid: Voxel centres in the patient's own coordinates, whatever the displacement.
        liver: The index box that holds the whole liver.
    """

    labels: Labels
    grid: Grid
    liver: Box


def liver_range_mm(
    labels: Labels, heights_mm: Sequence[float], table_mm: float
) -> tuple[float, float]:
    """Give the lowest and highest slice with liver, in DICOM millimetres.

    Slices where the liver fills less than a tenth of its largest section do not count: a data
    manager marks the range by eye.

    Args:
        labels: Tissue per voxel, slices from the feet up.
        heights_mm: Of the slices, before the table's offset.
        table_mm: The table's offset.
    """
    area = np.isin(labels, IN_LIVER).sum(axis=(1, 2))
    counted = np.flatnonzero(area > 0.1 * area.max())
    low, high = heights_mm[counted[0]], heights_mm[counted[-1]]
    return round(low + table_mm, 3), round(high + table_mm, 3)
