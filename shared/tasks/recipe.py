"""A study as a value: its question, its images, its network and how that is trained."""

from dataclasses import dataclass

from shared.cohort.endpoint import Endpoint
from shared.models.multiphase_ct import MultiphaseCtSettings
from shared.settings import RunSettings
from shared.tasks import clici_ct
from shared.tasks.preparation import CtPreparation
from shared.training.loop import TrainingSettings
from shared.vocabulary import CtPhase


@dataclass(frozen=True)
class Recipe:
    """Everything that a site, the centre and a released model must agree on for one study.

    Attributes:
        name: Key of the study in the run config.
        source: The publication it follows.
        endpoint: The event that is predicted.
        phases: CT phases, in the order of every phase axis.
        preparation: From volumes to model input.
        network: Shape of the network.
        training: How a site trains.
    """

    name: str
    source: str
    endpoint: Endpoint
    phases: tuple[CtPhase, ...]
    preparation: CtPreparation
    network: MultiphaseCtSettings
    training: TrainingSettings


def recipe_for(settings: RunSettings) -> Recipe:
    """Make the recipe of a run: the study as published, with the choices that a run may take.

    Args:
        settings: Of the run; their task is already checked.

    Returns:
        The recipe. Two runs with equal settings give equal recipes.
    """
    return Recipe(
        name=clici_ct.TASK,
        source=clici_ct.SOURCE,
        endpoint=clici_ct.ENDPOINT,
        phases=settings.phases,
        preparation=clici_ct.preparation(settings),
        network=clici_ct.network(settings),
        training=clici_ct.training(settings),
    )
