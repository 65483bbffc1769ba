"""Liao 2024: response to lenvatinib and immune checkpoint inhibitors, from three-phase CT.

With default settings every part is as published; what the paper leaves open is named where the
network and the augmentation are defined.
"""

from shared.cohort.endpoint import OBJECTIVE_RESPONSE
from shared.models.multiphase_ct import MultiphaseCtSettings
from shared.settings import RunSettings
from shared.tasks.preparation_settings import CtPreparation
from shared.training.training_settings import (
    Augmentation,
    Loss,
    Optimizer,
    Schedule,
    TrainingSettings,
)

TASK = "clici-ct"
SOURCE = "Liao et al., Comput Struct Biotechnol J 2024, doi 10.1016/j.csbj.2024.04.001"
ENDPOINT = OBJECTIVE_RESPONSE

_WINDOW_LEVEL_HU = 0.0
_WINDOW_WIDTH_HU = 400.0


def preparation(settings: RunSettings) -> CtPreparation:
    """Fix the road from volumes to model input.

    Source: Liao 2024, section 2.3 (window 400 at level 0, all slices of the liver, 224x224).

    Args:
        settings: Of the run.

    Returns:
        The preparation.
    """
    return CtPreparation(
        phases=settings.phases,
        image_size=settings.image_size,
        slices_per_patient=settings.slices_per_patient,
        window_level_hu=_WINDOW_LEVEL_HU,
        window_width_hu=_WINDOW_WIDTH_HU,
    )


def network(settings: RunSettings) -> MultiphaseCtSettings:
    """Fix the shape of the network.

    Source: Liao 2024, section 2.4 (ResNet-18 per phase, self-attention, two fully connected
    layers, dropout 0.5).

    Args:
        settings: Of the run.

    Returns:
        The network's settings.
    """
    return MultiphaseCtSettings(
        phases=settings.phases,
        backbone=settings.network,
        norm=settings.norm,
        attention=settings.attention,
    )


def training(settings: RunSettings) -> TrainingSettings:
    """Fix how a site trains.

    Source: Liao 2024, section 2.4 (Adam, batch 20, 1e-4 halved every 50 epochs, augmentation).

    Args:
        settings: Of the run.

    Returns:
        The training's settings.
    """
    return TrainingSettings(
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        schedule=Schedule(settings.schedule),
        halve_every=settings.halve_every,
        plateau_rounds=settings.plateau_rounds,
        augmentation=Augmentation.APPEARANCE if settings.augmentation else Augmentation.NONE,
        copies=settings.augmented_copies if settings.augmentation else 1,
        optimizer=Optimizer(settings.optimizer),
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        loss=Loss(settings.loss),
    )
