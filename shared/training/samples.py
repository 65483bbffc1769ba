"""The samples of a training: every slice of every patient, by number, cut into batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from shared.cohort.patient import PreparedPatient


@dataclass(frozen=True)
class Samples:
    """Every slice of every patient, by number; pixels stay where the patients keep them.

    Attributes:
        patients: Whose slices they are.
        patient: Place of each slice's patient among them.
        place: Place of each slice among its patient's.
    """

    patients: Sequence[PreparedPatient]
    patient: Int64[np.ndarray, " slice"]
    place: Int64[np.ndarray, " slice"]

    @property
    def count(self) -> int:
        """Give the number of slices."""
        return len(self.patient)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Give the channels, height and width of a slice; there must be patients."""
        channels, height, width = self.patients[0].images.shape[1:]
        return channels, height, width

    def one_per_step(self, batch_size: int) -> bool:
        """Tell whether no step sees more than one slice."""
        return min(self.count, batch_size) == 1

    def batch(
        self, chosen: Int64[np.ndarray, " batch"]
    ) -> tuple[Float32[Tensor, "batch channel height width"], Int64[Tensor, " batch"]]:
        """Gather slices and their patients' outcomes.

        Args:
            chosen: Numbers of slices.

        Returns:
            Images, copied, and events, on the CPU.
        """
        owners = [self.patients[i] for i in self.patient[chosen]]
        images = np.stack([p.images[s] for p, s in zip(owners, self.place[chosen], strict=True)])
        return torch.from_numpy(images), torch.tensor([int(p.event) for p in owners])


def samples_of(patients: Sequence[PreparedPatient]) -> Samples:
    """Number every slice of every patient.

    Args:
        patients: In any order; some may have no slices.

    Returns:
        The samples, patient after patient.
    """
    counts = [len(patient.images) for patient in patients]
    owner = np.repeat(np.arange(len(patients)), counts)
    within = [np.arange(count) for count in counts]
    return Samples(patients, owner, np.concatenate([*within, np.empty(0, dtype=np.int64)]))


def pass_order(rng: np.random.Generator, samples: int, copies: int) -> Int64[np.ndarray, " sample"]:
    """Shuffle a pass over the samples in which each is seen several times.

    Source: Quan 2024, Methods (augmentation "to 10 times the data"); here nothing is stored, each
    time that a slice comes up it is changed anew.

    Args:
        rng: Advances.
        samples: Number of slices.
        copies: Times that each is seen.

    Returns:
        Sample numbers, each ``copies`` times.
    """
    return rng.permutation(copies * samples) % samples


def batches(order: Int64[np.ndarray, " sample"], batch_size: int) -> list[Int64[np.ndarray, " _"]]:
    """Cut an order of samples into batches; a last one of a single sample joins its neighbour.

    Batch statistics of one sample are noise, and where the feature map is one pixel they do not
    exist.

    Args:
        order: Sample numbers, shuffled.
        batch_size: Samples per batch; the last may hold fewer, or one more.

    Returns:
        Every sample once, in the order given.
    """
    cuts = list(range(batch_size, len(order), batch_size))
    if cuts and len(order) - cuts[-1] == 1 and batch_size > 1:
        cuts.pop()
    return np.split(order, cuts)
