"""A finished run on MRI and clinic as the record that its report and its release are made from."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from server.clinical_results import StageState
from server.environment import describe_environment
from server.events import read_events
from server.federated_census import Census
from server.haic_departures import departures
from server.haic_model_rows import area_measure, arm_of, fusion_machine, paired_tests
from server.haic_results import FoldResult, HaicEvaluation, HaicResults
from server.haic_stages import STAGES, machines_of
from server.run_folder import events_file, fold_folder, read_best, read_census, read_history
from shared.messages.census import WITHHELD, CensusReply
from shared.report.haic_files import write_haic_record
from shared.report.haic_models import (
    FUSION,
    IMAGE_ONLY,
    CrossValidated,
    HaicArm,
)
from shared.report.haic_record import Exclusion, FoldTraining, HaicRecord, LossRound
from shared.report.haic_report import write_haic_report
from shared.report.haic_words import network_words
from shared.report.run_record import FEDERATED, EndpointWords, SiteSummary, measure
from shared.settings import RunSettings, key_of
from shared.tasks.haic_release import RELEASED_MODELS, write_haic_release
from shared.tasks.recipe import Recipe
from shared.training.device import choose_device

RELEASE_FOLDER = "release"

_PATHS = ("run_dir", "sites_dir", "pretrained_weights")


def conclude(
    run_dir: Path, settings: RunSettings, recipe: Recipe, found: HaicResults, *, synthetic: bool
) -> HaicRecord:
    """Leave record, report and, where every model could be fitted, release in the run folder.

    Args:
        run_dir: The run folder.
        settings: Of the run.
        recipe: Of the study.
        found: What the run found.
        synthetic: Whether the patients are invented.

    Returns:
        The record.

    Raises:
        HepafedError: If a file of the folder is damaged, or a number is not finite.
    """
    record = haic_record(run_dir, settings, recipe, found, synthetic=synthetic)
    write_haic_record(run_dir, record)
    write_haic_report(run_dir, record)
    machines = machines_of(found)
    if set(RELEASED_MODELS) <= set(machines):
        _, weights = read_best(fold_folder(run_dir, 0))
        write_haic_release(run_dir / RELEASE_FOLDER, recipe, weights, machines, record)
    return record


def haic_record(
    run_dir: Path, settings: RunSettings, recipe: Recipe, found: HaicResults, *, synthetic: bool
) -> HaicRecord:
    """Put the record of a federation together, without baselines and pictures.

    Args:
        run_dir: The run folder.
        settings: Of the run.
        recipe: Of the study.
        found: What the run found.
        synthetic: Whether the patients are invented.

    Returns:
        The record; every number in it is an aggregate.

    Raises:
        CheckpointError: If a file of the folder is missing or damaged.
    """
    census = read_census(run_dir)
    digests = {reply.code_digest for reply in census.sites.values()}
    endpoint = recipe.endpoint
    return HaicRecord(
        run=run_dir.name,
        task=recipe.name,
        source=recipe.source,
        endpoint=EndpointWords(endpoint.name, endpoint.event, endpoint.no_event),
        synthetic=synthetic,
        seed=settings.seed,
        settings=_flat(settings),
        departures=departures(settings),
        environment=describe_environment(choose_device("cpu")),
        network=network_sentence(settings),
        started=read_events(events_file(run_dir))[0].time,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=_seconds(found),
        sites=tuple(_site(reply) for reply in census.sites.values()),
        exclusions=_exclusions(census),
        trainings=tuple(_training(run_dir, result) for result in found.folds),
        arms=() if found.evaluation is None else (_federated(found, found.evaluation),),
        cross_validated=_cross_validated(found),
        tests=() if found.evaluation is None else paired_tests(FEDERATED, found.evaluation),
        fusion=None if found.fusion is None else fusion_machine(found.fusion),
        code_digest=next(iter(digests)) if len(digests) == 1 else "",
        notes=(*_withheld(found), *_absent(run_dir, found)),
    )


def _federated(found: HaicResults, evaluation: HaicEvaluation) -> HaicArm:
    return arm_of(FEDERATED, machines_of(found), evaluation, with_sites=True)


def network_sentence(settings: RunSettings) -> str:
    """Say the shape of the network in a sentence."""
    reading = {
        "shared": "one score per sequence by one network shared by all sequences",
        "per_sequence": "one score per sequence by one network each",
        "five_channel": "five features by one network of five channels",
    }[settings.reading]
    blocks = ""
    if settings.network == "inception_v4":
        counts = ", ".join(map(str, settings.network_blocks))
        blocks = f" with {counts} blocks and {settings.network_width:g} times the filters"
    return f"{network_words(settings.network)}{blocks}, {settings.norm} normalisation; {reading}."


def _flat(settings: RunSettings) -> dict[str, str | int | float | bool]:
    """Give the run config without the paths of this machine."""
    return {
        key_of(name): ",".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
        if name not in _PATHS
    }


def _seconds(found: HaicResults) -> dict[str, float]:
    trained = {"training of the network": sum(result.seconds for result in found.folds)}
    return trained | {STAGES[stage.name].title: stage.seconds for stage in found.stages}


def _site(reply: CensusReply) -> SiteSummary:
    def shown(count: int) -> int | None:
        return None if count == WITHHELD else count

    return SiteSummary(
        site=reply.site,
        patients=shown(reply.patients),
        events=shown(reply.events),
        training_patients=shown(reply.training_patients),
        inner_validation_patients=shown(reply.inner_validation_patients),
        held_out_patients=shown(reply.held_out_patients),
        excluded_patients=shown(reply.excluded_patients),
        slices=shown(reply.slices),
    )


def _exclusions(census: Census) -> tuple[Exclusion, ...]:
    reason = "cannot be used; the site's data report says why"
    counts = {site: reply.excluded_patients for site, reply in census.sites.items()}
    return tuple(
        Exclusion(site, reason, None if count == WITHHELD else count)
        for site, count in counts.items()
        if count
    )


def _training(run_dir: Path, result: FoldResult) -> FoldTraining:
    return FoldTraining(
        fold=result.fold,
        rounds=tuple(
            LossRound(
                item.round,
                item.learning_rate,
                measure(item.training_loss).value,
                item.validation_loss,
            )
            for item in read_history(fold_folder(run_dir, result.fold))
        ),
        best_round=result.best_round,
        seconds=result.seconds,
        bytes_sent=result.bytes_sent,
        bytes_received=result.bytes_received,
    )


def _cross_validated(found: HaicResults) -> tuple[CrossValidated, ...]:
    areas = {
        IMAGE_ONLY: found.out_of_fold,
        FUSION: None if found.fusion is None else found.fusion.out_of_fold_auc,
    }
    return tuple(
        CrossValidated(
            FEDERATED, model, area.events + area.no_events, area.events, area_measure(area)
        )
        for model, area in areas.items()
        if area is not None
    )


def _withheld(found: HaicResults) -> tuple[str, ...]:
    return tuple(
        f"{STAGES[stage.name].title.capitalize()}: withheld. {stage.reason}"
        for stage in found.stages
        if stage.state is StageState.WITHHELD
    )


def _absent(run_dir: Path, found: HaicResults) -> tuple[str, ...]:
    rounds = [
        f"Fold {result.fold}, round {item.round}: {', '.join(item.failed)} did not contribute."
        for result in found.folds
        for item in read_history(fold_folder(run_dir, result.fold))
        if item.failed
    ]
    stages = [
        f"{STAGES[stage.name].title.capitalize()}: without {', '.join(stage.left_out)}."
        for stage in found.stages
        if stage.left_out and stage.state is StageState.DONE
    ]
    return (*rounds, *stages)
