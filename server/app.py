"""The ServerApp: settings, then the schedule."""

import secrets
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from server.clinical_schedule import ClinicalStudy, run_clinical_schedule
from server.events import EventStore
from server.run_folder import events_file
from server.schedule import Study, run_schedule
from server.transport import Progress, SiteExchange
from shared.errors import Problem, SettingsError
from shared.messages.training import Weights
from shared.settings import CLINICAL_STATISTICS, ConfigValue, RunSettings, parse_run_settings
from shared.wire.fingerprint import code_digest, weights_digest

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the study that Flower's run config describes."""
    serve(grid, context.run_config, _print)


def serve(grid: Grid, config: Mapping[str, ConfigValue], progress: Progress) -> None:
    """Run a study over a grid.

    Args:
        grid: Flower's, real or simulated.
        config: The run config.
        progress: Takes one line for a person who waits.

    Raises:
        HepafedError: If the run cannot start or go on; the run folder keeps what was reached.
    """
    settings = parse_run_settings(config)
    run_dir = _run_dir(settings)
    with closing(EventStore(events_file(run_dir))) as events:
        exchange = SiteExchange(grid, settings, events, code_digest(), progress)
        if settings.task == CLINICAL_STATISTICS:
            study = _clinical_study(settings, config, exchange, progress)
            run_clinical_schedule(exchange, study, events, run_dir)
        else:
            run_schedule(exchange, _study(settings, config, exchange, progress), events, run_dir)


def _study(
    settings: RunSettings,
    config: Mapping[str, ConfigValue],
    exchange: SiteExchange,
    progress: Progress,
) -> Study:
    # Torch is needed for the first weights only, and loading it takes seconds.
    from shared.tasks.recipe import recipe_for  # noqa: PLC0415

    recipe = recipe_for(settings)

    def initial_weights() -> Weights:
        from shared.models.weights import to_arrays  # noqa: PLC0415
        from shared.training.initial import initial_network  # noqa: PLC0415

        pretrained = Path(settings.pretrained_weights) if settings.pretrained_weights else None
        return to_arrays(initial_network(recipe.network, settings.seed, pretrained))

    return Study(
        settings=settings,
        config=config,
        endpoint=recipe.endpoint,
        initial_weights=initial_weights,
        digest_of=weights_digest,
        traffic=lambda: exchange.traffic,
        progress=progress,
    )


def _clinical_study(
    settings: RunSettings,
    config: Mapping[str, ConfigValue],
    exchange: SiteExchange,
    progress: Progress,
) -> ClinicalStudy:
    return ClinicalStudy(
        settings=settings,
        config=config,
        digest_of=weights_digest,
        traffic=lambda: exchange.traffic,
        refusals=lambda: exchange.refusals,
        salt=secrets.token_hex,
        progress=progress,
    )


def _run_dir(settings: RunSettings) -> Path:
    folder = Path(settings.run_dir)
    if not folder.is_absolute():
        problem = Problem(
            "run-dir",
            repr(settings.run_dir),
            "an absolute path on the server",
            "Set run-dir, for example --run-config 'run-dir=\"/srv/hepafed/runs/first\"'.",
        )
        raise SettingsError("The run config cannot be used.", [problem])
    return folder


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # Flower carries a ServerApp's output to 'flwr log'
