import pytest

from shared.cohort.endpoint import OBJECTIVE_RESPONSE, PROGRESSIVE_DISEASE
from shared.models.mri_scores import Reading
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.recipe import recipe_for
from shared.training.training_settings import Augmentation, Loss, Optimizer, Schedule
from shared.vocabulary import CtPhase, MriSequence


def test_default_settings_give_the_study_as_published():
    recipe = recipe_for(RunSettings())
    assert recipe.endpoint is OBJECTIVE_RESPONSE
    preparation = recipe.preparation
    assert preparation.channels == (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
    assert (preparation.image_size, preparation.slices_per_patient) == (224, 0)
    assert (preparation.window_level_hu, preparation.window_width_hu) == (0, 400)
    network = recipe.network
    assert (network.backbone, network.norm, network.dropout) == ("resnet18", "batch", 0.5)
    assert network.attention
    training = recipe.training
    assert (training.batch_size, training.learning_rate, training.halve_every) == (20, 1e-4, 50)
    assert (training.augmentation, training.copies) == (Augmentation.APPEARANCE, 1)
    assert (training.optimizer, training.schedule) == (Optimizer.ADAM, Schedule.HALVING)
    assert (training.loss, training.weight_decay) == (Loss.SOFTMAX, 0)


def test_the_mri_study_is_as_published():
    recipe = recipe_for(RunSettings(task=HAIC_MRI))
    assert recipe.endpoint is PROGRESSIVE_DISEASE
    assert recipe.preparation.channels == recipe.network.sequences == tuple(MriSequence)
    assert (recipe.preparation.height, recipe.preparation.width) == (320, 450)
    network = recipe.network
    assert (network.network, network.norm, network.dropout) == ("inception_v4", "batch", 0.2)
    assert (network.reading, network.width, network.blocks) == (Reading.SHARED, 1, (4, 7, 3))
    training = recipe.training
    assert (training.batch_size, training.learning_rate) == (1, 0.01)
    assert (training.optimizer, training.momentum) == (Optimizer.SGD, 0)
    assert (training.augmentation, training.copies) == (Augmentation.GEOMETRIC, 10)
    assert (training.schedule, training.plateau_rounds) == (Schedule.PLATEAU, 10)
    assert (training.loss, training.weight_decay) == (Loss.SUMMED, 1e-4)


@pytest.mark.parametrize("task", ["clici-ct", HAIC_MRI])
def test_without_augmentation_there_is_one_copy(task):
    training = recipe_for(RunSettings(task=task, augmentation=False, augmented_copies=10)).training
    assert (training.augmentation, training.copies) == (Augmentation.NONE, 1)


def test_every_choice_of_an_mri_run_reaches_its_part():
    recipe = recipe_for(
        RunSettings(
            task=HAIC_MRI,
            image_height=80,
            image_width=96,
            bias_field=True,
            network_width=0.25,
            network_blocks=(1, 1, 1),
            reading="five_channel",
            optimizer="adam",
            momentum=0.9,
            schedule="halving",
            halve_every=4,
            loss="softmax",
            augmented_copies=2,
        )
    )
    preparation, network, training = recipe.preparation, recipe.network, recipe.training
    assert (preparation.height, preparation.width, preparation.bias_field) == (80, 96, True)
    assert (network.width, network.blocks, network.reading) == (0.25, (1, 1, 1), "five_channel")
    assert (training.optimizer, training.momentum, training.loss) == ("adam", 0.9, "softmax")
    assert (training.schedule, training.halve_every, training.copies) == ("halving", 4, 2)


def test_the_phases_of_the_run_reach_preparation_and_network_alike():
    phases = (CtPhase.PORTAL, CtPhase.PLAIN)
    recipe = recipe_for(RunSettings(phases=phases))
    assert recipe.preparation.channels == recipe.network.phases == phases


def test_every_choice_of_the_run_reaches_its_part():
    recipe = recipe_for(
        RunSettings(
            image_size=64,
            slices_per_patient=6,
            norm="group",
            attention=False,
            batch_size=8,
            learning_rate=1e-3,
            halve_every=3,
            augmentation=False,
        )
    )
    assert (recipe.preparation.image_size, recipe.preparation.slices_per_patient) == (64, 6)
    assert (recipe.network.norm, recipe.network.attention) == ("group", False)
    training = recipe.training
    assert (training.batch_size, training.learning_rate, training.halve_every) == (8, 1e-3, 3)
    assert training.augmentation is Augmentation.NONE


def test_equal_settings_give_equal_recipes():
    assert recipe_for(RunSettings()) == recipe_for(RunSettings())
