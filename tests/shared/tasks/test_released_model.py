import pytest

from shared.errors import ReleaseError
from shared.release.release_settings import EvaluationFacts, ProvenanceFacts
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.recipe import recipe_for
from shared.tasks.released_model import endpoint_facts, release_settings, released_preparation

PROVENANCE = ProvenanceFacts(
    "demo", 1, "0.1.0", "", "2026-01-01T00:00:00+00:00", "FedAvg", 1, 1, 2, 20, True
)


def test_the_preparation_comes_back_from_the_facts():
    recipe = recipe_for(RunSettings(image_size=64))
    settings = release_settings(recipe, PROVENANCE, EvaluationFacts(8, 3))

    assert released_preparation(settings) == recipe.preparation


def test_each_study_names_the_responses_that_are_its_event():
    studies = (RunSettings(), RunSettings(task=HAIC_MRI))
    facts = [endpoint_facts(recipe_for(settings).endpoint) for settings in studies]

    assert [one.event_responses for one in facts] == [("CR", "PR"), ("PD",)]


def test_a_study_on_mri_is_sent_to_its_own_release():
    recipe = recipe_for(RunSettings(task=HAIC_MRI))

    with pytest.raises(ReleaseError, match="Expected a study on CT, got 'haic-mri'"):
        release_settings(recipe, PROVENANCE, EvaluationFacts(8, 3))
