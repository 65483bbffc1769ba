"""What a voxel is made of, and a volume of such voxels, whatever the modality."""

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
