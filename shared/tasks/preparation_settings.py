"""What a model expects of its input: everything that fixes the road from volumes to tensors."""

from dataclasses import dataclass

from shared.vocabulary import Channel, CtPhase, MriSequence

PREPARATION_VERSION = "ct-1"
"""Raised with every change that alters prepared values; caches of another version are rebuilt."""

MRI_PREPARATION_VERSION = "mri-1"
"""Likewise for MRI."""


@dataclass(frozen=True)
class CtPreparation:
    """How a CT study becomes model input.

    Attributes:
        phases: Phases, in the order the model sees them.
        image_size: Height and width of a slice, pixels (Liao 2024: 224).
        slices_per_patient: Evenly spaced slices of the liver range; 0 takes every slice.
        window_level_hu: Centre of the window (Liao 2024: 0).
        window_width_hu: Width of the window (Liao 2024: 400).
        version: Of this road.
    """

    phases: tuple[CtPhase, ...]
    image_size: int = 224
    slices_per_patient: int = 0
    window_level_hu: float = 0.0
    window_width_hu: float = 400.0
    version: str = PREPARATION_VERSION

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Give what the planes of the input show, in order."""
        return self.phases

    @property
    def reference(self) -> CtPhase:
        """Give the phase in whose coordinates slices are counted: portal where it is asked for."""
        return CtPhase.PORTAL if CtPhase.PORTAL in self.phases else self.phases[0]


@dataclass(frozen=True)
class MriPreparation:
    """How an MRI study becomes model input.

    Attributes:
        sequences: Sequences, in the order the model sees them.
        height: Of a slice, pixels (Quan 2024: 320).
        width: Of a slice, pixels (Quan 2024: 450). Pixels are square.
        slices_per_patient: Evenly spaced slices of what all sequences cover; 0 takes every slice.
        bias_field: Whether the coil's shading is removed first (N4), which takes seconds a volume.
        version: Of this road.
    """

    sequences: tuple[MriSequence, ...] = tuple(MriSequence)
    height: int = 320
    width: int = 450
    slices_per_patient: int = 0
    bias_field: bool = False
    version: str = MRI_PREPARATION_VERSION

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Give what the planes of the input show, in order."""
        return self.sequences

    @property
    def reference(self) -> MriSequence:
        """Give the sequence on whose slices the others are laid: T1 arterial where asked for."""
        arterial = MriSequence.T1_ARTERIAL
        return arterial if arterial in self.sequences else self.sequences[0]


Preparation = CtPreparation | MriPreparation
