"""The lower comparator: a site trains alone and meets the held-out patients of all."""

import torch

from shared.settings import RunSettings
from shared.tasks.recipe import Recipe
from shared.vocabulary import Split
from simulations.arm import ArmResult, Progress, SitePatients, patients_in, train_alone


def train_site_alone(  # the arm's inputs, named one by one
    sites: SitePatients,
    name: str,
    recipe: Recipe,
    settings: RunSettings,
    device: torch.device,
    progress: Progress | None = None,
) -> ArmResult:
    """Train one model on one site's own patients.

    It is scored on the *pooled* held-out patients, as the federated one is: a model that knows
    one scanner should show it.

    Args:
        sites: Every prepared patient, by site.
        name: The site that trains.
        recipe: Of the study.
        settings: Of the run that it is compared with.
        device: From ``choose_device``.
        progress: Called after every round.

    Returns:
        Scores on the held-out patients of all sites.

    Raises:
        DataError: When the site has no training patients.
        ConvergenceError: When the loss is not finite.
    """
    held_out = patients_in(sites, Split.HELD_OUT)
    return train_alone(sites[name], held_out, recipe, settings, device, progress, arm=name)
