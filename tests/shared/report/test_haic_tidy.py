import csv
import io

import pytest

from shared.report.haic_tidy import COLUMNS, haic_tidy_csv, haic_tidy_rows


@pytest.fixture(scope="module")
def rows(haic_record):
    return list(csv.DictReader(io.StringIO(haic_tidy_csv(haic_record))))


def _only(rows, **wanted):
    found = [r for r in rows if all(r[key] == value for key, value in wanted.items())]
    assert len(found) == 1
    return found[0]


def test_every_row_has_every_column(rows):
    assert tuple(rows[0]) == COLUMNS
    assert all(None not in row.values() for row in rows)


def test_numbers_keep_their_full_precision(rows, haic_record):
    result = haic_record.result("federated", "fusion")
    row = _only(
        rows,
        run="demo-haic",
        arm="federated",
        model="fusion",
        site="all",
        split="held_out",
        metric="auc",
    )

    assert float(row["value"]) == result.auc.value
    assert float(row["lower"]) == result.auc.lower
    assert row["n"] == "60"


def test_withheld_numbers_are_empty(rows):
    row = _only(rows, arm="federated", model="fusion", site="Clinic West", metric="sensitivity")

    assert (row["value"], row["lower"], row["n"]) == ("", "", "")


def test_every_round_of_every_fold_and_candidate_is_there(rows, haic_record):
    losses = [r for r in rows if r["metric"] == "loss" and r["split"] == "inner_validation"]

    folds = sum(len(training.rounds) for training in haic_record.trainings)
    candidates = sum(len(candidate.rounds) for candidate in haic_record.candidates)
    assert len(losses) == folds + candidates


def test_out_of_fold_numbers_are_told_from_held_out_ones(rows):
    row = _only(rows, arm="federated", model="fusion", split="development", metric="auc")

    assert (row["value"], row["n"]) == ("0.81", "100")


def test_repetitions_carry_their_seed(rows):
    row = _only(rows, run="demo-haic@seed=8", arm="pooled-central", model="fusion")

    assert row["value"] == "0.81"


def test_no_two_rows_are_about_the_same_number(haic_record):
    keys = [
        (r.run, r.arm, r.model, r.fold, r.round, r.site, r.split, r.metric)
        for r in haic_tidy_rows(haic_record)
    ]

    assert len(set(keys)) == len(keys)
