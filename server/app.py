"""The ServerApp: settings, then the schedule."""

import secrets
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from server.clinical_schedule import ClinicalStudy, run_clinical_schedule
from server.events import EventStore
from server.haic_results import HaicResults
from server.haic_schedule import run_haic_schedule, run_haic_training_only
from server.haic_study import HaicStudy
from server.run_folder import events_file
from server.schedule import Study, run_schedule
from server.transport import Progress, SiteExchange
from shared.errors import Problem, SettingsError
from shared.messages.training import Weights
from shared.messages.weights_digest import weights_digest
from shared.settings import (
    CLINICAL_STATISTICS,
    HAIC_MRI,
    ConfigValue,
    RunSettings,
    parse_run_settings,
)
from shared.wire.fingerprint import code_digest

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the study that Flower's run config describes."""
    serve(grid, context.run_config, _print)


def serve(
    grid: Grid,
    config: Mapping[str, ConfigValue],
    progress: Progress,
    *,
    training_only: bool = False,
    synthetic: bool = False,
) -> None:
    """Run a study over a grid.

    Args:
        grid: Flower's, real or simulated.
        config: The run config.
        progress: Takes one line for a person who waits.
        training_only: Of a run on MRI and clinic, only train on all development patients: for
            networks that are compared by their losses.
        synthetic: Of a run on MRI and clinic, whether its report says that the patients are
            invented.

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
        elif settings.task == HAIC_MRI:
            haic = _haic_study(settings, config, exchange, progress, synthetic=synthetic)
            if training_only:
                run_haic_training_only(exchange, haic, events, run_dir)
            else:
                run_haic_schedule(exchange, haic, events, run_dir)
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

    return Study(
        settings=settings,
        config=config,
        endpoint=recipe_for(settings).endpoint,
        initial_weights=partial(_initial_weights, settings),
        digest_of=weights_digest,
        traffic=lambda: exchange.traffic,
        progress=progress,
    )


def _haic_study(
    settings: RunSettings,
    config: Mapping[str, ConfigValue],
    exchange: SiteExchange,
    progress: Progress,
    *,
    synthetic: bool,
) -> HaicStudy:
    from shared.tasks.recipe import recipe_for  # noqa: PLC0415  # as above

    recipe = recipe_for(settings)

    def conclude(run_dir: Path, found: HaicResults) -> None:
        # Figures need matplotlib, and only at the end.
        from server.haic_report import conclude as leave  # noqa: PLC0415

        leave(run_dir, settings, recipe, found, synthetic=synthetic)
        progress(f"Report: {run_dir / 'report.html'}.")

    return HaicStudy(
        settings=settings,
        config=config,
        endpoint=recipe.endpoint,
        initial_weights=partial(_initial_weights, settings),
        digest_of=weights_digest,
        traffic=lambda: exchange.traffic,
        refusals=lambda: exchange.refusals,
        word=partial(secrets.token_hex, 16),
        progress=progress,
        conclude=conclude,
    )


def _initial_weights(settings: RunSettings) -> Weights:
    from shared.models.weights import to_arrays  # noqa: PLC0415
    from shared.tasks.recipe import recipe_for  # noqa: PLC0415
    from shared.training.initial import initial_network  # noqa: PLC0415

    pretrained = Path(settings.pretrained_weights) if settings.pretrained_weights else None
    network = recipe_for(settings).network
    return to_arrays(initial_network(network, settings.seed, pretrained))


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
