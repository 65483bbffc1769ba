"""The lower comparator: each site trains alone and meets the held-out patients of all."""

import torch

from shared.settings import RunSettings
from shared.tasks.recipe import Recipe
from shared.vocabulary import Split
from simulations.arm import ArmResult, Progress, SitePatients, patients_in, train_alone


def train_each_site(
    sites: SitePatients,
    recipe: Recipe,
    settings: RunSettings,
    device: torch.device,
    progress: Progress | None = None,
) -> dict[str, ArmResult]:
    """Train one model per site, on its own patients only.

    Every model is scored on the *pooled* held-out patients, as the federated one is: a model
    that knows one scanner should show it.

    Args:
        sites: Every prepared patient, by site.
        recipe: Of the study.
        settings: Of the run that it is compared with.
        device: From ``choose_device``.
        progress: Called after every round of every site.

    Returns:
        One result per site, in the order of the sites.

    Raises:
        DataError: When a site has no training patients.
        ConvergenceError: When a loss is not finite.
    """
    held_out = patients_in(sites, Split.HELD_OUT)
    return {
        name: train_alone(patients, held_out, recipe, settings, device, progress, arm=name)
        for name, patients in sites.items()
    }
