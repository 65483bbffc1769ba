"""From a patient's MRI slices to the five image features and the image score (Quan 2024)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from shared.errors import DataError
from shared.models.mri_scores import MriScores
from shared.training.inference import score_slices


@dataclass(frozen=True)
class PatientFeatures:
    """What the network says of one patient.

    Attributes:
        features: One per sequence: the mean over the patient's slices. Logits of the event unless
            the reading is ``five_channel``.
        score: Mean logit of the event over scores and slices; above 0 speaks for the event.
    """

    features: Float64[np.ndarray, " feature"]
    score: float


def patient_features(
    network: MriScores,
    images: Float32[np.ndarray, "slice sequence height width"],
    device: torch.device,
) -> PatientFeatures:
    """Give the features and the score of one patient, from one pass over the slices.

    Source: Quan 2024, Methods ("5 image features"); how slices become a patient is not given. The
    mean gives every slice the same say and does not depend on their number.

    Args:
        network: Moved to the device; its training mode is left as it was.
        images: With mean 0 and standard deviation 1 in the body.
        device: From ``choose_device``.

    Returns:
        Features and score, in float32 precision: the same to 1e-5 on every machine.

    Raises:
        DataError: When there are no slices.
    """
    if len(images) == 0:
        raise DataError("Expected slices of the patient, got none. Prepare the study again.")
    count = len(network.settings.sequences)

    def score(batch: Tensor) -> Tensor:
        features = network(batch)
        return torch.cat([features, network.logits(features)], dim=1)

    scored = np.concatenate(score_slices(network, images, device, score))
    return PatientFeatures(scored[:, :count].mean(axis=0), float(scored[:, count:].mean()))


def image_features(
    network: MriScores,
    images: Float32[np.ndarray, "slice sequence height width"],
    device: torch.device,
) -> Float64[np.ndarray, " feature"]:
    """Give the features of one patient; see ``patient_features``."""
    return patient_features(network, images, device).features


def image_score(
    network: MriScores,
    images: Float32[np.ndarray, "slice sequence height width"],
    device: torch.device,
) -> float:
    """Give the image score of one patient; see ``patient_features``."""
    return patient_features(network, images, device).score
