"""The two studies' networks behind one name: what a recipe holds and what is built from it."""

from shared.models.mri_scores import MriScores, MriScoresSettings
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings

NetworkSettings = MultiphaseCtSettings | MriScoresSettings
StudyNetwork = MultiphaseCt | MriScores


def build_network(settings: NetworkSettings) -> StudyNetwork:
    """Build the network of a recipe.

    Args:
        settings: Its shape.

    Returns:
        The network on the CPU, with random weights from torch's global generator.

    Raises:
        SettingsError: When the settings name a part that does not exist.
    """
    if isinstance(settings, MriScoresSettings):
        return MriScores(settings)
    return MultiphaseCt(settings)
