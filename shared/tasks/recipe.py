"""A study as a value: its question, its images, its network and how that is trained."""

from dataclasses import dataclass

from shared.cohort.endpoint import Endpoint
from shared.models.study_network import NetworkSettings
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks import clici_ct, haic_mri
from shared.tasks.preparation_settings import Preparation
from shared.training.training_settings import TrainingSettings


@dataclass(frozen=True)
class Recipe:
    """Everything that a site, the centre and a released model must agree on for one study.

    Attributes:
        name: Key of the study in the run config.
        source: The publication it follows.
        endpoint: The event that is predicted.
        preparation: From volumes to model input; its ``channels`` are the network's.
        network: Shape of the network.
        training: How a site trains.
    """

    name: str
    source: str
    endpoint: Endpoint
    preparation: Preparation
    network: NetworkSettings
    training: TrainingSettings


def recipe_for(settings: RunSettings) -> Recipe:
    """Make the recipe of a run: the study as published, with the choices that a run may take.

    Args:
        settings: Of the run; their task is already checked.

    Returns:
        The recipe. Two runs with equal settings give equal recipes.
    """
    if settings.task == HAIC_MRI:
        return Recipe(
            name=haic_mri.TASK,
            source=haic_mri.SOURCE,
            endpoint=haic_mri.ENDPOINT,
            preparation=haic_mri.preparation(settings),
            network=haic_mri.network(settings),
            training=haic_mri.training(settings),
        )
    return Recipe(
        name=clici_ct.TASK,
        source=clici_ct.SOURCE,
        endpoint=clici_ct.ENDPOINT,
        preparation=clici_ct.preparation(settings),
        network=clici_ct.network(settings),
        training=clici_ct.training(settings),
    )
