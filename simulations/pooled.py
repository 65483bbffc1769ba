"""The upper comparator: all sites' patients in one place, which is what federation avoids."""

import torch

from shared.settings import RunSettings
from shared.tasks.recipe import Recipe
from shared.vocabulary import Split
from simulations.arm import ArmResult, Progress, SitePatients, patients_in, train_alone

POOLED = "pooled"


def train_pooled(
    sites: SitePatients,
    recipe: Recipe,
    settings: RunSettings,
    device: torch.device,
    progress: Progress | None = None,
) -> ArmResult:
    """Train on the patients of all sites together.

    Args:
        sites: Every prepared patient, by site.
        recipe: Of the study.
        settings: Of the run that it is compared with.
        device: From ``choose_device``.
        progress: Called after every round.

    Returns:
        Scores on the held-out patients of all sites.

    Raises:
        DataError: When no site has training patients.
        ConvergenceError: When the loss is not finite.
    """
    everyone = [patient for patients in sites.values() for patient in patients]
    held_out = patients_in(sites, Split.HELD_OUT)
    return train_alone(everyone, held_out, recipe, settings, device, progress, arm=POOLED)
