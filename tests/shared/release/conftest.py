import numpy as np
import pytest

from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.fusion.standardize import Preparation
from shared.fusion.svm import DEGREE_TWO, LINEAR, FittedSvm, coordinates
from shared.release.haic_settings import (
    HaicReleaseSettings,
    ModelEvaluation,
    MriPreparationFacts,
    ScoresFacts,
)
from shared.release.release_settings import (
    EndpointFacts,
    EstimateFacts,
    EvaluationFacts,
    NetworkFacts,
    PreparationFacts,
    ProvenanceFacts,
    ReleaseSettings,
)


@pytest.fixture
def settings():
    event, no_event = "objective response (CR or PR)", "no objective response (SD or PD)"
    return ReleaseSettings(
        task="clici-ct",
        source="Liao et al. 2024",
        endpoint=EndpointFacts("objective_response", event, no_event, ("CR", "PR")),
        class_order=(no_event, event),
        threshold=0.5,
        preparation=PreparationFacts("ct-1", ("plain", "portal"), 64, 4, 0.0, 400.0),
        network=NetworkFacts("resnet18", "batch", True, 1, 128, 0.5),
        provenance=ProvenanceFacts(
            "demo", 7, "0.1.0", "ab" * 32, "2026-11-22T18:00:00+00:00", "FedAvg", 8, 5, 4, 40, True
        ),
        evaluation=EvaluationFacts(32, 11, EstimateFacts(0.84, 0.71, 0.95)),
    )


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    return {
        "second.bias": rng.normal(size=3).astype(np.float32),
        "first.weight": rng.normal(size=(2, 3)).astype(np.float32),
    }


@pytest.fixture
def haic_settings():
    event, no_event = "progressive disease (PD)", "disease control (CR, PR or SD)"
    unknown = EstimateFacts()
    return HaicReleaseSettings(
        task="haic-mri",
        source="Quan et al. 2024",
        endpoint=EndpointFacts("progressive_disease", event, no_event, ("PD",)),
        preparation=MriPreparationFacts("mri-1", ("t1_arterial", "t2_fse"), 320, 450, 0, False),
        network=ScoresFacts("inception_v4", "shared", "batch", 0.2, 0.25, (1, 1, 1)),
        departures=("The network has a quarter of InceptionV4's filters.",),
        provenance=ProvenanceFacts(
            "demo", 7, "0.1.0", "ab" * 32, "2026-11-22T18:00:00+00:00", "FedAvg", 8, 5, 3, 60, True
        ),
        evaluation=(
            ModelEvaluation(
                "fusion",
                64,
                13,
                EstimateFacts(0.826, 0.682, 0.970),
                EstimateFacts(0.769, 0.460, 0.938),
                EstimateFacts(0.882, 0.754, 0.951),
                EstimateFacts(0.625, 0.359, 0.837),
                EstimateFacts(0.937, 0.818, 0.984),
                0.12,
            ),
            ModelEvaluation("image-only", 64, 13, *[unknown] * 5, None),
        ),
    )


def _machine(columns, *, seed, logged=(), indicated=(), degree=LINEAR):
    rng = np.random.default_rng(seed)
    features = len(columns) + len(indicated)
    return FittedSvm(
        preparation=Preparation(
            columns=tuple(columns),
            logged=tuple(logged),
            indicated=tuple(indicated),
            medians=rng.normal(size=(1, len(columns))),
            centres=rng.normal(size=(1, features)),
            scales=rng.uniform(0.1, 3, size=(1, features)),
        ),
        degree=degree,
        weights=rng.normal(size=coordinates(features, degree)),
        slope=float(rng.uniform(0.5, 2)),
        intercept=float(rng.normal()),
        threshold=float(rng.normal()) / 3,
    )


@pytest.fixture
def models():
    """Numbers of every length a 64-bit float can have."""
    return {
        "image-only": _machine([IMAGE_SCORE], seed=1),
        "clinical-only": _machine(["ast_u_l", "tumour_thrombus"], seed=2, logged=["ast_u_l"]),
        "fusion": _machine(
            ["ast_u_l", "crp_mg_l", *IMAGE_FEATURES],
            seed=3,
            logged=["ast_u_l", "crp_mg_l"],
            indicated=["crp_mg_l"],
            degree=DEGREE_TWO,
        ),
    }
