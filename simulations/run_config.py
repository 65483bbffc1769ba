"""Run settings as Flower's flat config, the way back from ``parse_run_settings``."""

import dataclasses

from shared.settings import ConfigValue, RunSettings, key_of


def config_of(settings: RunSettings) -> dict[str, ConfigValue]:
    """Write settings as Flower's flat run config; ``parse_run_settings`` reads it back."""
    values = {key_of(f.name): getattr(settings, f.name) for f in dataclasses.fields(settings)}
    return values | {
        "phases": ",".join(settings.phases),
        "network-blocks": ",".join(map(str, settings.network_blocks)),
    }
