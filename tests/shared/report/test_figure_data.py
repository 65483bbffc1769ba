import csv
from dataclasses import replace
from io import StringIO

from shared.report.figure_data import (
    forest_csv,
    forest_words,
    loss_csv,
    loss_words,
    roc_csv,
    roc_words,
    traffic_csv,
    traffic_words,
)


def _rows(text):
    return list(csv.DictReader(StringIO(text)))


def test_the_numbers_behind_the_figures_are_those_of_the_record(record):
    forest = {row["arm"]: row for row in _rows(forest_csv(record))}
    losses = _rows(loss_csv(record))

    assert float(forest["federated"]["auc"]) == record.arms[0].auc.value
    assert float(forest["best possible"]["auc"]) == 0.91
    assert len(_rows(roc_csv(record))) == sum(len(arm.roc) for arm in record.arms)
    assert len(losses) == sum(1 + len(r.site_training_losses) for r in record.rounds)
    assert [int(r["bytes_sent"]) for r in _rows(traffic_csv(record))] == [
        r.bytes_sent for r in record.rounds
    ]


def test_the_words_beside_a_figure_say_what_it_shows(record):
    assert "federated 0." in roc_words(record)
    assert "Best possible: 0.91." in forest_words(record)
    assert "begins at 0.65 and ends at 0.64; the weights of round 5" in loss_words(record)
    assert "sent 552.0 MB to the sites" in traffic_words(record)


def test_a_run_without_validation_is_told_so(record):
    rounds = tuple(replace(r, validation_loss=None) for r in record.rounds)

    assert loss_words(replace(record, rounds=rounds)) == "Training loss per site by round."
