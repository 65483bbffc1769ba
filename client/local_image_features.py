"""A site's part of the image features: score patients whom the network has not seen, keep the rest.

Only a count is answered; the features become columns of the site's own table.
"""

import time
from collections.abc import Sequence

import numpy as np
import torch

from client.kept_features import FoldFeatures, KeptFeatures
from shared.cohort.fusion_columns import IMAGE_FEATURES
from shared.cohort.patient import PreparedPatient
from shared.errors import ConvergenceError
from shared.messages.image_features import ImageFeaturesReply, ImageFeaturesRequest
from shared.models.mri_scores import MriScores
from shared.models.weights import load_arrays
from shared.training.mri_features import patient_features
from shared.vocabulary import Split


def answer_image_features(
    request: ImageFeaturesRequest,
    patients: Sequence[PreparedPatient],
    network: MriScores,
    device: torch.device,
    kept: KeptFeatures,
) -> ImageFeaturesReply:
    """Compute and keep the features of the patients that a fold left out.

    Args:
        request: The fold and the network that left it out.
        patients: The fold's patients; those it holds out are chosen here.
        network: Of the run's shape; its weights are overwritten.
        device: Where.
        kept: The run's features at this site.

    Returns:
        How many patients have features now.

    Raises:
        MessageError: If the weights do not fit the network.
        ConvergenceError: If a feature is not finite.
    """
    started = time.perf_counter()
    held_out = [patient for patient in patients if patient.split is Split.HELD_OUT]
    cases = np.array([patient.case for patient in held_out], dtype=np.int64)
    before = kept.read(request.fold)
    known = before is not None and before.model_digest == request.model_digest
    if before is None or not known or not np.array_equal(before.cases, cases):
        load_arrays(network, request.weights)
        found = [patient_features(network, p.images, device) for p in held_out]
        features = np.array([f.features for f in found], dtype=np.float64)
        scores = np.array([f.score for f in found], dtype=np.float64)
        _refuse_infinite(features, scores)
        shaped = features.reshape(len(found), len(IMAGE_FEATURES))
        kept.write(request.fold, FoldFeatures(cases, shaped, scores, request.model_digest))
    return ImageFeaturesReply(len(held_out), time.perf_counter() - started)


def _refuse_infinite(features: np.ndarray, scores: np.ndarray) -> None:
    # A gap would be filled with a median further on, and an image is never made up.
    wrong = int(np.size(features) + scores.size) - int(
        np.isfinite(features).sum() + np.isfinite(scores).sum()
    )
    if wrong:
        raise ConvergenceError(
            f"Expected finite image features, got {wrong} that are not. "
            "Train with a lower learning rate."
        )
