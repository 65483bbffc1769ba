"""The run on images that a data manager's command is about."""

from collections.abc import Mapping

from client.image_roles import roles_for
from shared.errors import Problem, SettingsError
from shared.settings import CLINICAL_STATISTICS, ConfigValue, RunSettings, parse_run_settings
from shared.tasks.recipe import recipe_for
from shared.vocabulary import ImageRole


def image_run(config: Mapping[str, ConfigValue]) -> RunSettings:
    """Parse the settings of a run on images, as far as they concern a site's data.

    Args:
        config: As of the run config.

    Returns:
        The settings.

    Raises:
        SettingsError: If a value cannot be used, or the task needs no images.
    """
    run = parse_run_settings(config)
    if run.task == CLINICAL_STATISTICS:
        fix = "Give --task clici-ct or --task haic-mri."
        problem = Problem("task", "a run without images", "a run on images", fix)
        raise SettingsError("The task cannot be used here.", [problem])
    return run


def wanted_roles(task: str, phases: str) -> tuple[ImageRole, ...]:
    """Give the series that a study needs.

    Args:
        task: Of the run.
        phases: Of CT, separated by commas; MRI has its own.

    Raises:
        SettingsError: As for ``image_run``.
    """
    return roles_for(recipe_for(image_run({"task": task, "phases": phases})).preparation)
