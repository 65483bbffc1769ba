import base64
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

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
from shared.stats.delong import auc_delong
from shared.stats.intervals import proportion
from shared.stats.roc import roc_curve

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
