import json
from dataclasses import replace

import pytest

from shared.errors import ReleaseError
from shared.release.release_settings import (
    EstimateFacts,
    EvaluationFacts,
    settings_from_json,
    settings_to_json,
)


def test_settings_come_back_equal_from_json_text(settings):
    text = json.dumps(settings_to_json(settings), allow_nan=False)

    assert settings_from_json(json.loads(text)) == settings


def test_every_impossible_fact_is_named_at_once(settings):
    data = json.loads(json.dumps(settings_to_json(settings)))
    data["class_order"].reverse()
    data["threshold"] = 0.4
    data["preparation"]["phases"] = ["plain", "plain"]
    data["preparation"]["image_size"] = 0
    data["preparation"]["window_width_hu"] = -1
    data["network"]["dropout"] = 1
    data["network"]["heads"] = 0

    with pytest.raises(ReleaseError) as refusal:
        settings_from_json(data)

    assert {p.where for p in refusal.value.problems} == {
        "class_order",
        "threshold",
        "preparation.phases",
        "preparation.image_size",
        "preparation.window_width_hu",
        "network.dropout",
        "network.heads",
    }


def test_an_unknown_phase_is_refused_by_listing_the_known_ones(settings):
    data = json.loads(json.dumps(settings_to_json(settings)))
    data["preparation"]["phases"] = ["venous"]

    with pytest.raises(ReleaseError, match="plain, arterial, portal, delayed"):
        settings_from_json(data)


def test_a_number_that_is_not_finite_is_never_written(settings):
    evaluation = EvaluationFacts(8, 3, EstimateFacts(float("nan")))

    with pytest.raises(ReleaseError, match=r"evaluation\.auc\.value"):
        settings_to_json(replace(settings, evaluation=evaluation))
