"""A site's part of the image features: score patients whom the network has not seen, keep the rest.

Only a count is answered; the features become columns of the site's own table.
"""

import time
from collections.abc import Sequence

import numpy as np
import torch

from client.fusion_site import FusionSite
from client.kept_features import FoldTable, KeptFeatures
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.cohort.patient import PreparedPatient
from shared.errors import ConvergenceError
from shared.messages.image_features import ImageFeaturesReply, ImageFeaturesRequest
from shared.models.mri_scores import MriScores
from shared.models.weights import load_arrays
from shared.training.mri_features import patient_features
from shared.vocabulary import Split


def answer_image_features(
    request: ImageFeaturesRequest,
    data: FusionSite,
    patients: Sequence[PreparedPatient],
    *,
    network: MriScores,
    device: torch.device,
    kept: KeptFeatures,
) -> ImageFeaturesReply:
    """Compute the features of the patients that a fold left out, and keep them with their columns.

    What is kept already for the same network and patients stays as it is: a run is about one state
    of the site's data, so that no two of its answers differ by a few patients.

    Args:
        request: The fold and the network that left it out.
        data: The site's patients, for their clinical columns.
        patients: The same with the part they play in the fold; those it holds out are chosen here.
        network: Of the run's shape; its weights are overwritten.
        device: Where.
        kept: The run's table at this site.

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
        image = _image_columns(network, held_out, device)
        place = {patient.case: number for number, patient in enumerate(data.patients)}
        chosen = np.array([place[case] for case in cases.tolist()], dtype=np.int64)
        clinical = {name: np.asarray(column)[chosen] for name, column in data.columns.items()}
        kept.write(request.fold, FoldTable(cases, clinical | image, request.model_digest))
    return ImageFeaturesReply(len(held_out), time.perf_counter() - started)


def _image_columns(
    network: MriScores, patients: Sequence[PreparedPatient], device: torch.device
) -> dict[str, np.ndarray]:
    found = [patient_features(network, patient.images, device) for patient in patients]
    rows = np.array([[*one.features, one.score] for one in found], dtype=np.float64)
    matrix = rows.reshape(len(found), len(IMAGE_FEATURES) + 1)
    wrong = int(np.count_nonzero(~np.isfinite(matrix)))
    if wrong:
        # A gap would be filled with a median further on, and an image is never made up.
        raise ConvergenceError(
            f"Expected finite image features, got {wrong} that are not. "
            "Train with a lower learning rate."
        )
    return dict(zip((*IMAGE_FEATURES, IMAGE_SCORE), matrix.T, strict=True))
