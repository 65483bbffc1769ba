"""The run config is parsed once; all its mistakes come together."""

import math

import pytest

from shared.errors import SettingsError
from shared.settings import (
    AS_PUBLISHED,
    HAIC_MRI,
    PUBLISHED,
    TASKS,
    RunSettings,
    default_config,
    parse_run_settings,
)
from shared.vocabulary import CtPhase


def problems_of(config):
    with pytest.raises(SettingsError) as caught:
        parse_run_settings(config)
    return {problem.where: problem for problem in caught.value.problems}


def test_the_defaults_are_the_published_ones():
    settings = parse_run_settings({})
    assert settings == RunSettings()
    assert (settings.image_size, settings.batch_size, settings.learning_rate) == (224, 20, 1e-4)


def test_each_task_takes_its_own_publications_values():
    settings = parse_run_settings({"task": HAIC_MRI})
    assert (settings.network, settings.rounds, settings.batch_size) == ("inception_v4", 200, 1)
    assert (settings.optimizer, settings.learning_rate, settings.loss) == ("sgd", 0.01, "summed")
    assert (settings.schedule, settings.augmented_copies) == ("plateau", 10)


@pytest.mark.parametrize("task", TASKS)
def test_no_word_for_the_publication_is_left_after_parsing(task):
    values = vars(parse_run_settings({"task": task})).values()
    assert not [
        v for v in values if isinstance(v, int | float | str) and v in {PUBLISHED, AS_PUBLISHED}
    ]


def test_a_value_that_is_given_stays_whatever_was_published():
    settings = parse_run_settings({"task": HAIC_MRI, "optimizer": "adam", "batch-size": 8})
    assert (settings.optimizer, settings.batch_size, settings.learning_rate) == ("adam", 8, 0.01)


def test_default_config_parses_to_the_defaults():
    assert parse_run_settings(default_config()) == RunSettings()


def test_values_are_taken_over():
    settings = parse_run_settings({"phases": "portal, plain", "learning-rate": 1, "rounds": 3})
    assert settings.phases == (CtPhase.PORTAL, CtPhase.PLAIN)
    assert settings.learning_rate == 1.0
    assert settings.rounds == 3


def test_three_mistakes_are_named_at_once_with_what_to_do():
    problems = problems_of({"roundz": 3, "norm": "layer", "image-size": "big"})
    assert set(problems) == {"roundz", "norm", "image-size"}
    assert "'rounds'" in problems["roundz"].fix
    assert "batch, group" in problems["norm"].expected


@pytest.mark.parametrize("value", [0, -0.5, math.nan, math.inf])
def test_a_learning_rate_out_of_range_is_refused(value):
    assert "learning-rate" in problems_of({"learning-rate": value})


@pytest.mark.parametrize(
    ("key", "value"), [("folds", -1), ("local-epochs", -1), ("network-width", 2)]
)
def test_minus_one_is_no_value_where_nothing_was_published(key, value):
    assert "published" not in problems_of({key: value})[key].expected


def test_a_value_out_of_range_is_told_that_the_published_one_has_a_word():
    assert "-1 for the published one" in problems_of({"batch-size": 0})["batch-size"].expected


def test_a_flag_is_not_a_number():
    assert "rounds" in problems_of({"rounds": True})


@pytest.mark.parametrize("text", ["", "portal,portal", "portal,sunset"])
def test_phases_are_different_known_words(text):
    assert "phases" in problems_of({"phases": text})


def test_blocks_are_three_numbers():
    assert parse_run_settings({"network-blocks": "1, 2,3"}).network_blocks == (1, 2, 3)


@pytest.mark.parametrize("text", ["", "4,7", "4,7,3,1", "4,0,3", "4,7,-3", "a,b,c", "4,7,99"])
def test_other_blocks_are_refused_with_the_published_ones(text):
    assert "4,7,3" in problems_of({"network-blocks": text})["network-blocks"].fix
