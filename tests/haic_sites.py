"""Hospitals whose patients with tiny images and clinical rows lie in memory, behind a ClientApp.

Each answers through the real client code and the release gate; only reading DICOM is left out.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from flwr.app import Context, Error, Message
from flwr.clientapp import ClientApp
from flwr.common.constant import ErrorCode

from client.audit_log import AuditLog
from client.cache_settings import CacheSettings
from client.cross_validation import patients_in_fold, refuse_other_folds
from client.dataset import SiteData
from client.fusion_site import FusionSite
from client.haic_answers import answer_haic
from client.kept_features import FoldTable, kept_features
from client.local_census import answer_census
from client.local_image_features import answer_image_features
from client.local_training import answer_training
from client.policy import policy_of
from client.release_gate import release
from client.site_settings import SiteSettings
from server.events import EventStore
from server.haic_schedule import run_haic_schedule, run_haic_training_only
from server.haic_study import HaicStudy
from server.run_folder import events_file
from server.transport import SiteExchange
from shared.cohort.analysis_columns import EVENT, site_columns
from shared.cohort.clinical_table import parse_clinical_table
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.cohort.patient import PreparedPatient
from shared.cohort.split import split_patients
from shared.errors import DisclosureError, HepafedError
from shared.messages.census import CensusRequest
from shared.messages.evaluation import (
    CellsRequest,
    PlacementRequest,
    ScoreRequest,
    SiteResultRequest,
)
from shared.messages.image_features import ImageFeaturesReply, ImageFeaturesRequest
from shared.messages.moments import MomentsRequest
from shared.messages.statistics import LogisticRequest
from shared.messages.svm import SvmModelRequest, SvmRequest
from shared.messages.training import TrainingReply, TrainingRequest
from shared.messages.weights_digest import weights_digest
from shared.models.study_network import build_network
from shared.models.weights import to_arrays
from shared.settings import RunSettings, parse_run_settings
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.vocabulary import Split
from shared.wire.codec import decode, encode, message_name
from simulations.in_process import InProcessGrid
from simulations.run_config import config_of
from simulations.synthetic.clinical import draw_clinical_rows

CODE = "c0de" * 16
KINDS = {
    kind.__name__: kind
    for kind in (
        CensusRequest,
        TrainingRequest,
        ImageFeaturesRequest,
        MomentsRequest,
        LogisticRequest,
        SvmRequest,
        SvmModelRequest,
        ScoreRequest,
        CellsRequest,
        PlacementRequest,
        SiteResultRequest,
    )
}
SETTINGS = {
    "task": "haic-mri",
    "image-height": 76,
    "image-width": 76,
    "network-width": 0.1,
    "network-blocks": "1,1,1",
    "norm": "group",
    "rounds": 2,
    "batch-size": 16,
    "learning-rate": 0.01,
    "augmentation": False,
    "folds": 3,
    "min-sites": 3,
    "wait-seconds": 1,
}


def haic_settings(**changes) -> RunSettings:
    return parse_run_settings(SETTINGS | changes)


def fusion_site(size: int, seed: int, *, held_out: float = 0.3, side: int = 76) -> FusionSite:
    """Invent patients: the event darkens the images, and comes with thrombus more often."""
    rng = np.random.default_rng(seed)
    rows = draw_clinical_rows(size, ["x"], rng)
    for row in rows:
        row["response"] = "PD" if rng.random() < 0.35 else "PR"
        if rng.random() < 0.5:
            row["tumour_thrombus"] = "1" if row["response"] == "PD" else "0"
    header = list(rows[0])
    table, _ = parse_clinical_table(header, [[row[name] for name in header] for row in rows])
    columns = site_columns(table)
    events = columns[EVENT] == 1
    splits = split_patients(events.tolist(), held_out, 0.2, rng)
    patients = tuple(
        PreparedPatient(
            case,
            bool(event),
            split,
            (rng.normal(size=(1, 5, side, side)) - 0.7 * event).astype(np.float32),
        )
        for case, (event, split) in enumerate(zip(events, splits, strict=True), start=1)
    )
    return FusionSite(patients, columns, (), 0)


def fold_table(data: FusionSite, cases, features, scores) -> FoldTable:
    """Put clinical columns and given features of some cases together."""
    chosen = np.array([p.case in set(cases.tolist()) for p in data.patients])
    columns = {name: values[chosen] for name, values in data.columns.items()}
    image = np.column_stack([features, scores]).T
    columns |= dict(zip((*IMAGE_FEATURES, IMAGE_SCORE), image, strict=True))
    return FoldTable(cases, columns, "d" * 64)


@dataclass
class HaicSites:
    """Sites by name, the rotation secrets they hold, and what crossed their borders."""

    folder: Path
    data: dict[str, FusionSite]
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    requests: list = field(default_factory=list)
    replies: list = field(default_factory=list)

    def site(self, name: str) -> SiteSettings:
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        secret = self.secrets.get(name, b"thirty-two random bytes, or more")
        key = home / "rotation.key"
        if secret:
            key.touch(mode=0o600)
            key.write_bytes(secret)
        return SiteSettings(
            name,
            home / "dicom",
            home / "manifest.csv",
            home / "work",
            cache=CacheSettings(encrypt=True),
            rotation_secret_file=key if secret else None,
        )

    def answer(self, name: str, request: object, run: RunSettings) -> object:
        """Answer as ``client.app`` does."""
        site, data, recipe = self.site(name), self.data[name], recipe_for(run)
        cpu = torch.device("cpu")
        if isinstance(request, CensusRequest):
            patients = patients_in_fold(data.patients, 0, run, site)
            return answer_census(name, CODE, SiteData(patients, (), data.excluded), 0.0)
        if isinstance(request, TrainingRequest | ImageFeaturesRequest):
            refuse_other_folds(request.folds, request.seed, run)
            patients = patients_in_fold(data.patients, request.fold, run, site)
            network = build_network(recipe.network)
            if isinstance(request, TrainingRequest):
                return answer_training(request, name, patients, network, recipe.training, cpu)
            kept = kept_features(site, request.run)
            return answer_image_features(
                request, data, patients, network=network, device=cpu, kept=kept
            )
        return answer_haic(request, run, site)

    def app(self, run: RunSettings) -> ClientApp:
        app = ClientApp()

        def respond(message: Message, context: Context) -> Message:
            name = str(context.node_config["site"])
            request = decode(message.content, KINDS[message_name(message.content)])
            self.requests.append((name, request))
            site = self.site(name)
            try:
                reply = self.answer(name, request, run)
                reply = release(reply, policy_of(site), AuditLog(site.work))
            except HepafedError as error:
                refusal = error.refusal.value if isinstance(error, DisclosureError) else ""
                words = f"site refusal {refusal}" if refusal else "site error"
                reason = f"{words} ref {'0' * 12}"
                self.replies.append((name, str(error)))
                failure = Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason)
                return Message(failure, reply_to=message)
            self.replies.append((name, reply))
            return Message(encode(reply), reply_to=message)

        app.train()(respond)
        for stage in (
            "census", "image_features", "moments", "statistics", "svm", "evaluation",
        ):  # fmt: skip
            app.query(stage)(respond)
        return app


def _three(sizes) -> dict[str, FusionSite]:
    names = ("east", "north", "west")[: len(sizes)]
    return {name: fusion_site(size, size) for name, size in zip(names, sizes, strict=True)}


def three_sites(folder: Path, sizes=(40, 44, 48)) -> HaicSites:
    return HaicSites(folder, _three(sizes))


@dataclass
class ToySites(HaicSites):
    """The same sites around a network of one number per sequence, so that a training takes no time.

    ``flat`` sites report the same validation loss for ever; those that ``lose_features`` fail
    when they should compute some.
    """

    flat: bool = False
    lose_features: set = field(default_factory=set)

    def answer(self, name: str, request: object, run: RunSettings) -> object:
        if isinstance(request, TrainingRequest):
            return self._train(name, request, run)
        if isinstance(request, ImageFeaturesRequest):
            if name in self.lose_features:
                raise HepafedError("no memory")
            return self._keep(name, request, run)
        return super().answer(name, request, run)

    def _patients(self, name: str, fold: int, run: RunSettings, split: Split) -> list:
        everybody = patients_in_fold(self.data[name].patients, fold, run, self.site(name))
        return [patient for patient in everybody if patient.split is split]

    def _train(self, name: str, request: TrainingRequest, run: RunSettings) -> TrainingReply:
        training = self._patients(name, request.fold, run, Split.TRAINING)
        chosen = self._patients(name, request.fold, run, Split.INNER_VALIDATION)
        means = np.mean([p.images.mean(axis=(0, 2, 3)) * (1 if p.event else -1) for p in training])
        moved = request.weights["w"] + request.learning_rate * np.float32(means)
        loss = 1.0 if self.flat else float(np.abs(request.weights["w"]).sum() + 1) * len(chosen)
        weights = {"w": moved.astype(np.float32)} if request.local_epochs else {}
        return TrainingReply(weights, len(training), 0.5, loss, len(chosen), 1, 0.0)

    def _keep(self, name: str, request: ImageFeaturesRequest, run: RunSettings) -> object:
        chosen = self._patients(name, request.fold, run, Split.HELD_OUT)
        cases = np.array([p.case for p in chosen])
        rows = [p.images.mean(axis=(0, 2, 3)) * (1 + request.weights["w"]) for p in chosen]
        features = np.array(rows, dtype=np.float64)
        table = fold_table(self.data[name], cases, features, features.mean(axis=1))
        table = replace(table, model_digest=request.model_digest)
        kept_features(self.site(name), request.run).write(request.fold, table)
        return ImageFeaturesReply(len(chosen), 0.0)


def toy_three(folder: Path, sizes=(40, 44, 48), secrets=None) -> ToySites:
    data = {
        name: replace(site, patients=tuple(_darker(p) for p in site.patients))
        for name, site in _three(sizes).items()
    }
    return ToySites(folder, data, secrets or {})


def _darker(patient: PreparedPatient) -> PreparedPatient:
    """Shrink the images and let patients differ, as networks' features do."""
    noise = np.random.default_rng(patient.case).normal(size=(1, 5, 1, 1))
    return replace(patient, images=(patient.images[:, :, :2, :2] + noise).astype(np.float32))


def run_haic(
    sites: HaicSites,
    run_dir: Path,
    settings: RunSettings,
    *,
    before=None,
    progress=lambda _: None,
    words=7,
    training_only=False,
    conclude=None,
):
    """Run the schedule over the sites; ``before`` sees every request before it is sent."""
    config = config_of(settings)
    grid = InProcessGrid(sites.app(settings), [{"site": name} for name in sites.data], config)
    drawn = np.random.default_rng(words)
    toy = isinstance(sites, ToySites)

    def first_weights():
        if toy:
            return {"w": np.full(5, 0.1, np.float32)}
        return to_arrays(initial_network(recipe_for(settings).network, settings.seed))

    with closing(EventStore(events_file(run_dir))) as events:
        exchange = SiteExchange(grid, settings, events, CODE, progress)
        study = HaicStudy(
            settings=settings,
            config=config,
            endpoint=PROGRESSIVE_DISEASE,
            initial_weights=first_weights,
            digest_of=weights_digest,
            traffic=lambda: exchange.traffic,
            refusals=lambda: exchange.refusals,
            word=lambda: drawn.bytes(16).hex(),
            progress=progress,
            conclude=lambda folder, found: conclude and conclude(folder, settings, found),
        )

        def ask(request, reply_type):
            if before is not None:
                before(request)
            return exchange(request, reply_type)

        run = run_haic_training_only if training_only else run_haic_schedule
        return run(ask, study, events, run_dir)


def without_images(patient: PreparedPatient) -> PreparedPatient:
    """Poison a patient: whoever trains on or scores these images gets not-a-number."""
    return replace(patient, images=np.full_like(patient.images, np.nan))
