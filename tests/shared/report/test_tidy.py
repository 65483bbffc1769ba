import csv
from io import StringIO

from shared.report.tidy import COLUMNS, tidy_csv


def _rows(record):
    return list(csv.DictReader(StringIO(tidy_csv(record))))


def _one(rows, **wanted):
    found = [r for r in rows if all(r[k] == v for k, v in wanted.items())]
    assert len(found) == 1
    return found[0]


def test_the_header_is_the_published_one(record):
    assert tidy_csv(record).splitlines()[0] == "run,round,site,split,metric,value,lower,upper,n"
    assert set(_rows(record)[0]) == set(COLUMNS)


def test_every_number_has_one_line(record):
    rows = _rows(record)
    keys = [tuple(r[c] for c in ("run", "round", "site", "split", "metric")) for r in rows]

    assert len(set(keys)) == len(keys)


def test_areas_keep_full_precision_with_their_limits(record):
    row = _one(_rows(record), run="demo", site="all", split="held_out", metric="auc")
    area = record.arm("federated").auc

    assert (float(row["value"]), float(row["lower"]), float(row["upper"])) == (
        area.value,
        area.lower,
        area.upper,
    )
    assert row["n"] == "32"


def test_a_baseline_is_another_run(record):
    row = _one(_rows(record), run="demo/site alone: Clinic East", site="all", metric="auc")

    assert float(row["value"]) == record.arm("site alone: Clinic East").auc.value


def test_a_withheld_number_is_an_empty_cell(record):
    rows = _rows(record)

    assert _one(rows, site="Clinic West", metric="events", split="")["value"] == ""
    assert _one(rows, site="Clinic West", metric="auc")["value"] == ""


def test_losses_are_told_apart_by_split(record):
    rows = _rows(record)

    training = _one(rows, round="3", site="all", metric="loss", split="training")
    validation = _one(rows, round="3", site="all", metric="loss", split="inner_validation")
    assert float(training["value"]) == record.rounds[2].training_loss
    assert float(validation["value"]) == record.rounds[2].validation_loss
    assert _one(rows, round="5", metric="failed")["site"] == "Clinic South"
