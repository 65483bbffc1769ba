"""Quan 2024: progression under hepatic arterial infusion chemotherapy, from MRI and the clinic.

With default settings every part is as published where the paper says it; what it leaves open is
named where it is defined.
"""

from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.models.mri_scores import MriScoresSettings, Reading
from shared.settings import RunSettings
from shared.tasks.preparation_settings import MriPreparation
from shared.training.training_settings import (
    Augmentation,
    Loss,
    Optimizer,
    Schedule,
    TrainingSettings,
)

TASK = "haic-mri"
SOURCE = "Quan et al., J Imaging Inform Med 2024, doi 10.1007/s10278-024-01003-2"
ENDPOINT = PROGRESSIVE_DISEASE


def preparation(settings: RunSettings) -> MriPreparation:
    """Fix the road from volumes to model input.

    Source: Quan 2024, Methods, image pipeline (five sequences, 450x320, no segmentation).

    Args:
        settings: Of the run.

    Returns:
        The preparation.
    """
    return MriPreparation(
        height=settings.image_height,
        width=settings.image_width,
        slices_per_patient=settings.slices_per_patient,
        bias_field=settings.bias_field,
    )


def network(settings: RunSettings) -> MriScoresSettings:
    """Fix the shape of the network.

    Source: Quan 2024, Methods (InceptionV4, dropout 0.2; AlexNet and ResNet as candidates).

    Args:
        settings: Of the run.

    Returns:
        The network's settings.
    """
    return MriScoresSettings(
        network=settings.network,
        reading=Reading(settings.reading),
        norm=settings.norm,
        width=settings.network_width,
        blocks=settings.network_blocks,
    )


def training(settings: RunSettings) -> TrainingSettings:
    """Fix how a site trains.

    Source: Quan 2024, Methods (SGD at 0.01, batch size 1, ten times the data by shift, rotation,
    flip and enlargement, L2 of a strength that is not given, a tenth of the rate on a plateau, the
    printed cross-entropy).

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
        optimizer=Optimizer(settings.optimizer),
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        loss=Loss(settings.loss),
        augmentation=Augmentation.GEOMETRIC if settings.augmentation else Augmentation.NONE,
        copies=settings.augmented_copies if settings.augmentation else 1,
    )
