"""A finished study as the record that the report is made from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from server.environment import describe_environment
from server.federated_census import Census
from server.run_folder import BestWeights
from server.run_state import RoundRecord as ServerRound
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.messages.census import WITHHELD, CensusReply
from shared.report.run_record import (
    FEDERATED,
    EndpointWords,
    OverlayImage,
    RoundRecord,
    RunRecord,
    SiteSummary,
    StepSeconds,
)
from shared.settings import RunSettings, key_of
from shared.tasks.recipe import Recipe
from shared.training.device import choose_device
from simulations.report_arm import arm_of

_PATHS = ("run_dir", "sites_dir", "pretrained_weights")


@dataclass(frozen=True)
class StudyFacts:
    """Everything known at the end of a study.

    Attributes:
        run: Its name.
        recipe: Of the study.
        settings: Of the run.
        started: When this start began.
        seconds: Wall time by step.
        census: What the sites brought.
        rounds: The server's history.
        best: Which weights were chosen.
        evaluation: Of these weights.
        others: Evaluations of the baselines, by arm.
        bayes_auc: Best possible, of an invented cohort.
        synthetic: Whether the patients are invented.
        overlays: Pictures; none of real patients.
    """

    run: str
    recipe: Recipe
    settings: RunSettings
    started: datetime
    seconds: Mapping[str, float]
    census: Census
    rounds: tuple[ServerRound, ...]
    best: BestWeights
    evaluation: FederatedEvaluation
    others: Mapping[str, FederatedEvaluation]
    bayes_auc: float | None
    synthetic: bool
    overlays: tuple[OverlayImage, ...]


def study_record(facts: StudyFacts) -> RunRecord:
    """Put the record together.

    Args:
        facts: Of the study.

    Returns:
        The record; every number in it is an aggregate.
    """
    endpoint = facts.recipe.endpoint
    digests = {reply.code_digest for reply in facts.census.sites.values()}
    return RunRecord(
        run=facts.run,
        task=facts.recipe.name,
        endpoint=EndpointWords(endpoint.name, endpoint.event, endpoint.no_event),
        synthetic=facts.synthetic,
        seed=facts.settings.seed,
        settings=flat_settings(facts.settings),
        environment=describe_environment(choose_device()),
        started=facts.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        steps=StepSeconds(
            **{step: facts.seconds.get(step) for step in StepSeconds.__annotations__}
        ),
        sites=tuple(_site(reply) for reply in facts.census.sites.values()),
        rounds=tuple(_round(item) for item in facts.rounds),
        best_round=facts.best.round,
        arms=(
            arm_of(FEDERATED, facts.evaluation, with_sites=True),
            *(arm_of(name, evaluation) for name, evaluation in facts.others.items()),
        ),
        bayes_auc=facts.bayes_auc,
        overlays=facts.overlays,
        code_digest=next(iter(digests)) if len(digests) == 1 else "",
        notes=tuple(
            f"Round {item.round}: {', '.join(item.failed)} did not contribute."
            for item in facts.rounds
            if item.failed
        ),
    )


def flat_settings(settings: RunSettings) -> dict[str, str | int | float | bool]:
    """Give the run config without the paths of this machine."""
    return {
        key_of(name): ",".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
        if name not in _PATHS
    }


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


def _round(item: ServerRound) -> RoundRecord:
    return RoundRecord(
        round=item.round,
        learning_rate=item.learning_rate,
        training_loss=item.training_loss,
        validation_loss=item.validation_loss,
        site_training_losses={name: part.training_loss for name, part in item.sites.items()},
        bytes_sent=item.bytes_sent,
        bytes_received=item.bytes_received,
        seconds=item.seconds,
        failed_sites=item.failed,
    )
