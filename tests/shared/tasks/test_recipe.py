from shared.cohort.endpoint import OBJECTIVE_RESPONSE
from shared.settings import RunSettings
from shared.tasks.recipe import recipe_for
from shared.vocabulary import CtPhase


def test_default_settings_give_the_study_as_published():
    recipe = recipe_for(RunSettings())
    assert recipe.endpoint is OBJECTIVE_RESPONSE
    assert recipe.phases == (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
    preparation = recipe.preparation
    assert (preparation.image_size, preparation.slices_per_patient) == (224, 0)
    assert (preparation.window_level_hu, preparation.window_width_hu) == (0, 400)
    network = recipe.network
    assert (network.backbone, network.norm, network.dropout) == ("resnet18", "batch", 0.5)
    assert network.attention
    training = recipe.training
    assert (training.batch_size, training.learning_rate, training.halve_every) == (20, 1e-4, 50)
    assert training.augmentation


def test_the_phases_of_the_run_reach_preparation_and_network_alike():
    phases = (CtPhase.PORTAL, CtPhase.PLAIN)
    recipe = recipe_for(RunSettings(phases=phases))
    assert recipe.phases == recipe.preparation.phases == recipe.network.phases == phases


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
    assert not training.augmentation


def test_equal_settings_give_equal_recipes():
    assert recipe_for(RunSettings()) == recipe_for(RunSettings())
