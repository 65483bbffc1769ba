"""What the site sees beforehand is what passes the release gate."""

import json

import numpy as np
import pytest

from client.audit_log import AuditLog
from client.dataset import SiteData
from client.local_census import answer_census
from client.policy import Policy
from client.release_gate import release
from client.shareable_report import shareable_report
from shared.cohort.patient import PreparedPatient
from shared.messages.census import WITHHELD
from shared.vocabulary import Split


def _data(counts, excluded):
    """Patients by (split, event)."""
    images = np.zeros((2, 1, 4, 4), np.float32)
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    patients = tuple(
        PreparedPatient(case, event, split, images)
        for case, (split, event) in enumerate(kinds, start=1)
    )
    return SiteData(patients, (), excluded)


CASES = [
    ({(Split.TRAINING, True): 9, (Split.TRAINING, False): 8, (Split.HELD_OUT, False): 7}, 0),
    ({(Split.TRAINING, True): 9, (Split.INNER_VALIDATION, False): 2, (Split.HELD_OUT, True): 7}, 3),
    ({(Split.TRAINING, True): 3, (Split.TRAINING, False): 20, (Split.HELD_OUT, False): 6}, 12),
    ({(Split.TRAINING, True): 1, (Split.HELD_OUT, False): 2}, 1),
]


@pytest.mark.parametrize(("counts", "excluded"), CASES)
@pytest.mark.parametrize("minimum", [5, 8])
def test_the_report_is_the_reply_that_leaves(tmp_path, counts, excluded, minimum):
    data = _data(counts, excluded)
    left = release(answer_census("north", "", data, 0.0), Policy(minimum), AuditLog(tmp_path))
    report = shareable_report("north", data, minimum)
    assert report["leaves"] == {
        name: None if value == WITHHELD else value
        for name, value in vars(left).items()
        if name not in {"code_digest", "seconds"}
    }
    assert report["withheld"] == sorted(k for k, v in report["leaves"].items() if v is None)
    json.dumps(report, allow_nan=False)


def test_a_site_that_cannot_take_part_tells_nothing():
    report = shareable_report("north", None, 5)
    assert report["takes_part"] is False
    assert report["leaves"] == {}
