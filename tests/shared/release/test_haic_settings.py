import json
from dataclasses import replace

import pytest

from shared.errors import ReleaseError
from shared.release.haic_settings import haic_settings_from_json, haic_settings_to_json
from shared.release.release_settings import settings_to_json


def test_settings_come_back_equal_from_json_text(haic_settings):
    text = json.dumps(haic_settings_to_json(haic_settings), allow_nan=False)

    assert haic_settings_from_json(json.loads(text)) == haic_settings


def test_settings_of_a_model_on_ct_are_refused(settings):
    with pytest.raises(ReleaseError, match="hepafed-haic-release/1"):
        haic_settings_from_json(settings_to_json(settings))


@pytest.mark.parametrize(
    ("part", "change", "where"),
    [
        ("preparation", {"sequences": ("t1_arterial", "dwi")}, "preparation.sequences"),
        ("preparation", {"sequences": ()}, "preparation.sequences"),
        ("preparation", {"height": 0}, "preparation.height"),
        ("preparation", {"slices_per_patient": -1}, "preparation.slices_per_patient"),
        ("network", {"blocks": (4, 7)}, "network.blocks"),
        ("network", {"width": 0.0}, "network.width"),
        ("network", {"dropout": 1.0}, "network.dropout"),
    ],
)
def test_an_impossible_fact_is_named_when_written_and_when_read(haic_settings, part, change, where):
    wrong = replace(haic_settings, **{part: replace(getattr(haic_settings, part), **change)})
    data = haic_settings_to_json(haic_settings)
    data[part].update({k: list(v) if isinstance(v, tuple) else v for k, v in change.items()})

    for attempt, given in ((haic_settings_to_json, wrong), (haic_settings_from_json, data)):
        with pytest.raises(ReleaseError) as refusal:
            attempt(given)
        assert [problem.where for problem in refusal.value.problems] == [where]
