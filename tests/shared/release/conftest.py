import numpy as np
import pytest

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
