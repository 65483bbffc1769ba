"""What the schedule of a run on MRI and clinic needs to know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.haic_results import HaicResults
from server.traffic import Traffic
from shared.cohort.endpoint import Endpoint
from shared.errors import Refusal
from shared.messages.training import Weights
from shared.settings import ConfigValue, RunSettings


@dataclass(frozen=True)
class HaicStudy:
    """A run on MRI and clinic.

    Attributes:
        settings: Of the run.
        config: The run config as the coordinator wrote it.
        endpoint: What is predicted.
        initial_weights: Makes the weights that every training starts from.
        digest_of: Names weights by their content.
        traffic: Tells what the last exchange cost.
        refusals: Tells who refused the last exchange on purpose.
        word: Draws 32 new hexadecimal digits: the name of a run's features, the salt of a fit.
        progress: Takes one line for a person who waits.
        conclude: Leaves report and release in the run folder, from what was found.
    """

    settings: RunSettings
    config: Mapping[str, ConfigValue]
    endpoint: Endpoint
    initial_weights: Callable[[], Weights]
    digest_of: Callable[[Weights], str]
    traffic: Callable[[], Traffic]
    refusals: Callable[[], Mapping[str, Refusal]]
    word: Callable[[], str]
    progress: Callable[[str], None]
    conclude: Callable[[Path, HaicResults], object]
