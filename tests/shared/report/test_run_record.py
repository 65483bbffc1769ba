import json

import pytest

from shared.errors import SettingsError
from shared.report.run_record import Measure, from_json, measure, to_json


def test_a_record_comes_back_equal_from_json_text(record):
    text = json.dumps(to_json(record), allow_nan=False)

    assert from_json(json.loads(text)) == record


def test_a_record_of_another_format_is_refused_by_naming_both_versions(record):
    data = {**to_json(record), "format": "hepafed-run-record/99", "future": 1}

    with pytest.raises(SettingsError) as refusal:
        from_json(data)

    assert [p.where for p in refusal.value.problems] == ["format"]
    assert "hepafed-run-record/99" in str(refusal.value)
    assert "hepafed-run-record/1" in str(refusal.value)


def test_every_wrong_field_is_named_at_once(record):
    data = json.loads(json.dumps(to_json(record)))
    data["seed"] = "seven"
    data["colour"] = "blue"
    del data["run"]
    data["rounds"][2]["seconds"] = None
    data["arms"][0]["auc"]["value"] = "high"
    data["sites"] = {}

    with pytest.raises(SettingsError) as refusal:
        from_json(data)

    assert {p.where for p in refusal.value.problems} == {
        "seed",
        "colour",
        "run",
        "rounds[2].seconds",
        "arms[0].auc.value",
        "sites",
    }


def test_arms_are_found_by_name(record):
    assert record.arm("pooled-central").auc.value > 0.5
    assert record.arm("another") is None
    assert next(arm.name for arm in record.arms_alone()) == "site alone: Clinic North"


def test_an_undefined_number_of_the_statistics_becomes_no_value():
    assert measure(0.5, float("nan"), float("nan")) == Measure(0.5, None, None)
    assert measure(float("nan"), 0.1, 0.9) == Measure(None, 0.1, 0.9)
