"""What sequences, models and features are called in a report and in a prediction."""

from shared.cohort.analysis_columns import regressors
from shared.cohort.clinical import BY_NAME
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY
from shared.vocabulary import MriSequence

SEQUENCES = {
    MriSequence.T1_ARTERIAL.value: "T1 arterial",
    MriSequence.T1_PORTAL.value: "T1 portal",
    MriSequence.T1_DELAYED.value: "T1 delayed",
    MriSequence.T2_FSE.value: "T2 FSE",
    MriSequence.DUAL_ECHO.value: "dual echo",
}
"""MRI sequences in words, by their value in ``shared.vocabulary``."""

MODEL_TITLES = {
    IMAGE_ONLY: "Image alone",
    CLINICAL_ONLY: "Clinic alone",
    FUSION: "Fusion",
}
"""The three models in words; readers are called what they are."""

NETWORKS = {
    "inception_v4": "InceptionV4",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "alexnet": "AlexNet",
}
"""Networks in words, by their key in the run config."""

_CONTRASTS = {r.name: f"{r.label}, {r.contrast}" for r in regressors(paper_mode=True)}
_MISSING = " missing"


def sequence_words(sequence: str) -> str:
    """Give a sequence in words; an unknown one as it is."""
    return SEQUENCES.get(sequence, sequence)


def network_words(network: str) -> str:
    """Give a network in words; an unknown one as it is."""
    return NETWORKS.get(network, network)


def model_title(model: str) -> str:
    """Give a method as it heads a row: ``Fusion``, ``Reader 1``."""
    return MODEL_TITLES.get(model, model[:1].upper() + model[1:])


def feature_words(feature: str, *, by_sequence: bool = True) -> str:
    """Give a feature of the machine in words.

    Args:
        feature: A column of ``shared.cohort.fusion_columns``, or ``COLUMN missing``.
        by_sequence: Whether the n-th image feature is the score of the n-th sequence.

    Returns:
        The words, without a unit: the machine sees standardised values.
    """
    if feature.endswith(_MISSING):
        return f"{feature_words(feature.removesuffix(_MISSING))}: not measured"
    if feature in IMAGE_FEATURES:
        place = IMAGE_FEATURES.index(feature)
        shown = tuple(SEQUENCES.values())[place] if by_sequence else f"feature {place + 1}"
        return f"Image: {shown}"
    if feature == IMAGE_SCORE:
        return "Image: mean score"
    variable = BY_NAME.get(feature)
    if variable is None:
        return _CONTRASTS.get(feature, feature)
    label = variable.label.partition(",")[0]
    return f"{label}: {variable.one}" if variable.one else label
