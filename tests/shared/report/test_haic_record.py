import json

import pytest

from shared.errors import SettingsError
from shared.report.haic_record import haic_from_json, haic_to_json


def test_a_record_comes_back_equal_from_json_text(haic_record):
    text = json.dumps(haic_to_json(haic_record), allow_nan=False)

    assert haic_from_json(json.loads(text)) == haic_record


def test_a_record_of_another_format_is_refused_by_naming_both_versions(haic_record):
    data = {**haic_to_json(haic_record), "format": "hepafed-run-record/1"}

    with pytest.raises(SettingsError, match=r"hepafed-haic-record/1.*hepafed-run-record/1"):
        haic_from_json(data)


def test_every_wrong_field_is_named_at_once(haic_record):
    data = json.loads(json.dumps(haic_to_json(haic_record)))
    data["seed"] = "seven"
    data["colour"] = "blue"
    data["trainings"][0]["rounds"][1]["learning_rate"] = None
    data["arms"][0]["models"][2]["auc"]["value"] = "high"
    data["fusion"]["weights"][0]["weight"] = "heavy"
    del data["seeds"][0]["federated"]

    with pytest.raises(SettingsError) as refusal:
        haic_from_json(data)

    assert {p.where for p in refusal.value.problems} == {
        "seed",
        "colour",
        "trainings[0].rounds[1].learning_rate",
        "arms[0].models[2].auc.value",
        "fusion.weights[0].weight",
        "seeds[0].federated",
    }


def test_results_are_found_by_arm_and_model(haic_record):
    assert haic_record.result("federated", "fusion").patients == 60
    assert haic_record.result("federated", "reader 2").threshold is None
    assert haic_record.result("pooled-central", "reader 1") is None
    assert haic_record.result("another", "fusion") is None
    assert next(arm.name for arm in haic_record.arms_alone()) == "site alone: Clinic North"
