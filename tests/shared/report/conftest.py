import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from shared.cohort.clinical import VARIABLES
from shared.report.haic_models import (
    CalibrationBin,
    CrossValidated,
    FeatureWeight,
    FusionMachine,
    HaicArm,
    ModelResult,
    ModelSiteResult,
    PairedTest,
)
from shared.report.haic_record import (
    ArmAucs,
    BayesAucs,
    Candidate,
    Exclusion,
    FoldTraining,
    HaicRecord,
    HaicSeedRow,
    LossRound,
    SequenceOverlay,
)
from shared.report.run_record import (
    Arm,
    EndpointWords,
    Environment,
    Measure,
    OverlayImage,
    RocPoint,
    RoundRecord,
    RunRecord,
    SeedRow,
    SiteResult,
    SiteSummary,
    StepSeconds,
)
from shared.stats.calibration import brier_score, reliability_bins
from shared.stats.confusion import confusion_counts, confusion_measures
from shared.stats.delong import auc_delong, delong_paired_test
from shared.stats.intervals import proportion
from shared.stats.roc import roc_curve
from shared.vocabulary import MriSequence

SITES = ("Clinic North", "Clinic East", "Clinic South", "Clinic West")


def _share(flags):
    count = proportion(int(flags.sum()), flags.size)
    return Measure(count.value, count.lower, count.upper)


def _arm(name, strength, seed, sites=()):
    rng = np.random.default_rng(seed)
    events = np.arange(32) % 3 == 0
    scores = 1 / (1 + np.exp(-(rng.normal(size=32) + strength * (events - 0.5))))
    area = auc_delong(scores, events)
    called = scores >= 0.5
    curve = roc_curve(scores, events)
    hits = int((called & events).sum())
    return Arm(
        name=name,
        patients=32,
        events=int(events.sum()),
        auc=Measure(area.auc, area.lower, area.upper),
        auc_standard_error=area.standard_error,
        accuracy=_share(called == events),
        sensitivity=_share(called[events]),
        specificity=_share(~called[~events]),
        f1=Measure(2 * hits / (int(called.sum()) + int(events.sum()))),
        roc=tuple(
            RocPoint(float(1 - spec), float(sens))
            for spec, sens in zip(curve.specificity, curve.sensitivity, strict=True)
        ),
        sites=sites,
    )


def _rounds():
    rows = []
    for number in range(1, 9):
        site_losses = {
            site: round(0.72 * 0.83**number + 0.04 * i + 0.01 * (number % 3), 4)
            for i, site in enumerate(SITES)
            if not (number == 5 and site == "Clinic South")
        }
        rows.append(
            RoundRecord(
                round=number,
                learning_rate=1e-4,
                training_loss=sum(site_losses.values()) / len(site_losses),
                validation_loss=0.69 - 0.05 * number + 0.0055 * number**2,
                site_training_losses=site_losses,
                bytes_sent=4 * 138_000_000,
                bytes_received=len(site_losses) * 138_004_000,
                seconds=11.2 + 0.7 * (number % 4),
                failed_sites=("Clinic South",) if number == 5 else (),
            )
        )
    return tuple(rows)


def _picture():
    ramp = np.linspace(0, 255, 128, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.tile(ramp, (128, 1))] * 3, axis=-1))
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


@pytest.fixture(scope="session")
def record():
    open_sites = [
        SiteResult(
            site=site,
            patients=8,
            events=3,
            auc=Measure(0.8 - 0.03 * i, 0.55, 0.97),
            accuracy=Measure(0.75, 0.45, 0.92),
            sensitivity=Measure(0.67, 0.2, 0.94),
            specificity=Measure(0.8, 0.4, 0.96),
            f1=Measure(0.66),
        )
        for i, site in enumerate(SITES[:3])
    ]
    site_rows = (*open_sites, SiteResult(site=SITES[3]))
    alone = tuple(
        _arm(f"site alone: {site}", 0.8 + 0.2 * i, 20 + i) for i, site in enumerate(SITES)
    )
    return RunRecord(
        run="demo",
        task="clici-ct",
        endpoint=EndpointWords(
            "objective_response",
            "objective response (CR or PR)",
            "no objective response (SD or PD)",
        ),
        synthetic=True,
        seed=7,
        settings={
            "task": "clici-ct",
            "rounds": 8,
            "learning-rate": 1e-4,
            "phases": "plain,arterial,portal",
            "attention": True,
        },
        environment=Environment(
            "0.1.0", "3.11.7", "2.15.0", "1.41.0", "Linux x86_64", "Xeon", 2, "cpu"
        ),
        started="2026-11-22T18:00:00+00:00",
        finished="2026-11-22T18:06:21+00:00",
        steps=StepSeconds(41.2, 33.0, 171.5, 12.1, 118.4, 3.2),
        sites=(
            *(SiteSummary(site, 20, 7, 10, 2, 8, 0, 80) for site in SITES[:3]),
            SiteSummary(SITES[3], 20, None, 10, 2, 8, None, 80),
        ),
        rounds=_rounds(),
        best_round=5,
        arms=(
            _arm("federated", 2.2, 3, site_rows),
            _arm("pooled-central", 2.4, 4),
            *alone,
        ),
        bayes_auc=0.91,
        overlays=tuple(
            OverlayImage(phase, 2, f"Heat map for objective response, {phase} phase.", _picture())
            for phase in ("plain", "arterial", "portal")
        ),
        seeds=(
            SeedRow(7, 0.84, 0.86, 0.71, 0.91),
            SeedRow(8, 0.82, 0.85, 0.69, 0.9),
            SeedRow(9, 0.86, 0.85, None, 0.92),
        ),
        code_digest="ab" * 32,
        notes=("Clinic South did not answer in round 5.",),
    )


@pytest.fixture
def bare_record(record):
    """A run that was stopped before anything could be evaluated."""
    return replace(
        record,
        synthetic=False,
        rounds=(),
        best_round=None,
        arms=(),
        bayes_auc=None,
        overlays=(),
        seeds=(),
        notes=(),
        sites=(),
        steps=StepSeconds(),
        code_digest="",
    )


_HELD_OUT = 60
_EVENTS = np.arange(_HELD_OUT) % 4 == 0
_STRENGTHS = {"image-only": 1.1, "clinical-only": 0.9, "fusion": 1.8}


def _interval(found):
    return Measure(found.value, found.lower, found.upper)


def _probabilities(strength, seed):
    rng = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-(rng.normal(size=_HELD_OUT) + strength * (_EVENTS - 0.5) - 0.8)))


def _bins(scores):
    table = reliability_bins(scores, _EVENTS, 5)
    return tuple(
        CalibrationBin(float(p / n), float(e / n), int(n))
        for n, p, e in zip(table.patients, table.probability_sum, table.events, strict=True)
        if n >= 5
    )


def _site_rows():
    known = [
        ModelSiteResult(
            site=site,
            patients=15,
            events=4,
            auc=Measure(0.8 - 0.04 * i, 0.5, 0.98),
            accuracy=Measure(0.8, 0.52, 0.96),
            sensitivity=Measure(0.75, 0.19, 0.99),
            specificity=Measure(0.82, 0.48, 0.98),
        )
        for i, site in enumerate(SITES[:3])
    ]
    return (*known, ModelSiteResult(SITES[3]))


def _model(model, scores, *, threshold=0.25, sites=(), reader=False):
    area, curve = auc_delong(scores, _EVENTS), roc_curve(scores, _EVENTS)
    calls = scores >= (0.5 if reader else threshold)
    rates = confusion_measures(confusion_counts(calls, _EVENTS))
    return ModelResult(
        model=model,
        patients=_HELD_OUT,
        events=int(_EVENTS.sum()),
        auc=Measure(area.auc, area.lower, area.upper),
        auc_standard_error=area.standard_error,
        sensitivity=_interval(rates.sensitivity),
        specificity=_interval(rates.specificity),
        ppv=_interval(rates.ppv),
        npv=_interval(rates.npv),
        accuracy=_interval(rates.accuracy),
        brier=None if reader else brier_score(scores, _EVENTS),
        threshold=None if reader else threshold,
        roc=tuple(
            RocPoint(float(1 - spec), float(sens))
            for spec, sens in zip(curve.specificity, curve.sensitivity, strict=True)
        ),
        calibration=() if reader else _bins(scores),
        sites=sites,
    )


def _haic_arm(name, weaker, seed):
    federated = name == "federated"
    models = [
        _model(model, _probabilities(strength - weaker, seed + i), sites=_site_rows() * federated)
        for i, (model, strength) in enumerate(_STRENGTHS.items())
    ]
    if not federated:  # their curves are not drawn
        models = [replace(model, roc=(), calibration=()) for model in models]
    if federated:
        for i, strength in ((1, 1.7), (2, 1.2)):
            calls = (_probabilities(strength, 40 + i) >= 0.4).astype(np.float64)
            models.append(_model(f"reader {i}", calls, reader=True))
    return HaicArm(name, tuple(models))


def _loss_rounds(start, floor, count, seed):
    rng = np.random.default_rng(seed)
    return tuple(
        LossRound(
            round=n,
            learning_rate=0.01 if n <= 2 * count // 3 else 0.001,
            training_loss=float(floor - 0.06 + (start - floor) * 0.75**n + rng.normal(0, 0.006)),
            validation_loss=float(floor + (start - floor) * 0.8**n + rng.normal(0, 0.012)),
        )
        for n in range(1, count + 1)
    )


def _best(rounds):
    return min(rounds, key=lambda r: r.validation_loss).round


def _training(fold):
    rounds = _loss_rounds(1.28, 0.86 + 0.02 * (fold % 3), 12, fold)
    return FoldTraining(fold, rounds, _best(rounds), 41.0 + fold, 3 * 12_600_000, 3 * 12_610_000)


def _candidate(network, floor, seed):
    rounds = _loss_rounds(1.3, floor, 30, seed)
    return Candidate(network, rounds, _best(rounds))


def _paired(first, second):
    names = list(_STRENGTHS)
    test = delong_paired_test(
        _probabilities(_STRENGTHS[first], 3 + names.index(first)),
        _probabilities(_STRENGTHS[second], 3 + names.index(second)),
        _EVENTS,
    )
    return PairedTest("federated", first, second, test.difference, test.z, test.p)


def _weights():
    rng = np.random.default_rng(11)
    names = [v.name for v in VARIABLES if not v.post_baseline]
    clinical = [
        FeatureWeight(name, float(w))
        for name, w in zip(names, rng.normal(0, 0.05, 26), strict=True)
    ]
    image = [FeatureWeight(f"image_feature_{n}", 0.09 + 0.01 * n) for n in range(1, 6)]
    return (*clinical, *image, FeatureWeight("crp_mg_l missing", -0.02))


@pytest.fixture(scope="session")
def haic_record():
    """A run over four invented sites, one of which tells little."""
    alone = tuple(
        _haic_arm(f"site alone: {site}", 0.5 + 0.1 * i, 60 + 5 * i) for i, site in enumerate(SITES)
    )
    out_of_fold = {"image-only": 0.75, "clinical-only": 0.71, "fusion": 0.81}
    return HaicRecord(
        run="demo-haic",
        task="haic-mri",
        source="Quan et al., J Imaging Inform Med 2024",
        endpoint=EndpointWords(
            "progressive_disease", "progressive disease (PD)", "disease control (CR, PR or SD)"
        ),
        synthetic=True,
        seed=7,
        settings={"task": "haic-mri", "rounds": 12, "learning-rate": 0.01, "paper-mode": False},
        departures=(
            "The slices have 64 x 96 pixels; as published: 320 x 450.",
            "The network has a quarter of InceptionV4's filters.",
        ),
        environment=Environment(
            "0.1.0", "3.11.7", "2.15.0", "1.41.0", "Linux x86_64", "Xeon", 2, "cpu"
        ),
        network="InceptionV4 with blocks 1, 1, 1, width 0.25, batch norm; shared by 5 sequences.",
        started="2026-11-22T18:00:00+00:00",
        finished="2026-11-22T18:08:21+00:00",
        seconds={"cohort": 21.0, "preparation": 33.0, "training": 301.5, "evaluation": 12.1},
        sites=(
            *(SiteSummary(site, 40, 10, 20, 5, 15, 1, 240) for site in SITES[:3]),
            SiteSummary(SITES[3], 40, None, 20, 5, 15, None, 240),
        ),
        exclusions=(
            Exclusion(SITES[0], "no usable images", 1),
            Exclusion(SITES[1], "no best response in the clinical table", 1),
            Exclusion(SITES[2], "a value that is not plausible", None),
        ),
        trainings=tuple(_training(fold) for fold in (1, 2, 3, 4, 5, 0)),
        arms=(
            _haic_arm("federated", 0.0, 3),
            _haic_arm("pooled-central", 0.05, 33),
            *alone,
        ),
        cross_validated=tuple(
            CrossValidated("federated", model, 100, 25, Measure(auc, auc - 0.1, auc + 0.09))
            for model, auc in out_of_fold.items()
        ),
        tests=(
            _paired("fusion", "image-only"),
            _paired("fusion", "clinical-only"),
            PairedTest("federated", "image-only", "clinical-only", 0.0, None, None),
        ),
        fusion=FusionMachine(
            kernel="linear",
            penalties=(0.001, 0.01, 0.1),
            mean_fold_aucs=(0.78, 0.81, 0.79),
            penalty=0.01,
            fold_aucs=(0.84, 0.79, None, 0.8, 0.82),
            out_of_fold_auc=Measure(0.81, 0.71, 0.9),
            features=32,
            patients=100,
            events=25,
            weights=_weights(),
        ),
        candidates=(
            _candidate("inception_v4", 0.75, 21),
            _candidate("resnet18", 0.81, 22),
            _candidate("alexnet", 0.77, 23),
        ),
        overlays=tuple(
            SequenceOverlay(
                sequence.value,
                f"T1 or T2, slice 2 of 6: Grad-CAM evidence for PD, {sequence.value}.",
                _picture(),
                patient,
            )
            for patient in ("Invented patient with PD", "Invented patient with SD")
            for sequence in MriSequence
        ),
        bayes=BayesAucs(0.82, 0.78, 0.89),
        seeds=tuple(
            HaicSeedRow(
                seed,
                ArmAucs(0.74 + 0.01 * seed % 3, 0.72, 0.8),
                ArmAucs(0.75, 0.72, 0.81),
                ArmAucs(0.61, 0.65, None),
                BayesAucs(0.82, 0.78, 0.89),
            )
            for seed in (7, 8, 9)
        ),
        code_digest="cd" * 32,
        notes=("Clinic South did not answer in round 5 of fold 2.",),
    )


@pytest.fixture
def bare_haic_record(haic_record):
    """A run that was stopped before anything could be evaluated."""
    return replace(
        haic_record,
        synthetic=False,
        departures=(),
        seconds={},
        sites=(),
        exclusions=(),
        trainings=(),
        arms=(),
        cross_validated=(),
        tests=(),
        fusion=None,
        candidates=(),
        overlays=(),
        bayes=BayesAucs(),
        seeds=(),
        code_digest="",
        notes=(),
    )


_VOID = {"meta", "img", "br", "link", "input", "hr"}


class PageOutline(HTMLParser):
    """Reads a page as a machine would: balanced tags, ids, headings, addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings, self.addresses = [], [], [], []
        self.images_without_words, self.tables, self.captions = 0, 0, 0
        self.text = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.headings += [int(tag[1])] if re.fullmatch(r"h[1-6]", tag) else []
        self.addresses += [v for k, v in attrs.items() if k in {"src", "href", "xlink:href"}]
        self.images_without_words += tag == "img" and not attrs.get("alt")
        self.images_without_words += tag == "svg" and not attrs.get("aria-label")
        self.tables += tag == "table"
        self.captions += tag == "caption"

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def _outline(page):
    outline = PageOutline()
    outline.feed(page)
    outline.close()
    assert outline.open == []
    return outline


@pytest.fixture(scope="session")
def outline_of():
    """Give a function that reads a page as a machine would, and checks that its tags balance."""
    return _outline
