"""The run config is parsed once; all its mistakes come together."""

import math

import pytest

from shared.errors import SettingsError
from shared.settings import RunSettings, default_config, parse_run_settings
from shared.vocabulary import CtPhase


def problems_of(config):
    with pytest.raises(SettingsError) as caught:
        parse_run_settings(config)
    return {problem.where: problem for problem in caught.value.problems}


def test_the_defaults_are_the_published_ones():
    settings = parse_run_settings({})
    assert settings == RunSettings()
    assert (settings.image_size, settings.batch_size, settings.learning_rate) == (224, 20, 1e-4)


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


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_learning_rate_out_of_range_is_refused(value):
    assert "learning-rate" in problems_of({"learning-rate": value})


def test_a_flag_is_not_a_number():
    assert "rounds" in problems_of({"rounds": True})


@pytest.mark.parametrize("text", ["", "portal,portal", "portal,sunset"])
def test_phases_are_different_known_words(text):
    assert "phases" in problems_of({"phases": text})
