from dataclasses import replace

from shared.settings import RunSettings, default_config, parse_run_settings
from shared.vocabulary import CtPhase
from simulations.run_config import config_of


def test_settings_survive_the_way_through_flowers_config():
    settings = replace(
        RunSettings(),
        phases=(CtPhase.PORTAL, CtPhase.PLAIN),
        rounds=3,
        run_dir="/r",
        attention=False,
    )
    assert parse_run_settings(config_of(settings)) == settings


def test_default_settings_mean_what_the_default_config_means():
    written = config_of(RunSettings())
    assert set(written) == set(default_config())
    assert parse_run_settings(written) == parse_run_settings(default_config())
