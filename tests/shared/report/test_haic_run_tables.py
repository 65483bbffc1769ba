from dataclasses import replace

from shared.report.haic_run_tables import (
    exclusions_table,
    fold_words,
    haic_seeds_table,
    penalties_table,
    scored_by_sequence,
    seconds_table,
    trainings_table,
    weights_table,
)


def test_exclusions_keep_a_withheld_count_as_a_dash(haic_record):
    rows = exclusions_table(haic_record).rows

    assert rows[0] == ("Clinic North", "no usable images", "1")
    assert rows[2] == ("Clinic South", "a value that is not plausible", "–")


def test_trainings_say_whom_they_left_out_and_which_round_was_kept(haic_record):
    table = trainings_table(haic_record)
    last = haic_record.trainings[-1]
    kept = last.rounds[last.best_round - 1].validation_loss

    assert table.rows[0][0] == "held-out patients and fold 1"
    assert table.rows[-1][:4] == (fold_words(0), "12", str(last.best_round), f"{kept:.3f}")
    assert table.rows[-1][4:6] == ("0.001", "37.8 MB")


def test_a_training_without_a_chosen_round_has_dashes(haic_record):
    training = replace(haic_record.trainings[0], best_round=None, bytes_sent=None, seconds=None)
    row = trainings_table(replace(haic_record, trainings=(training,))).rows[0]

    assert (row[2], row[3], row[5], row[7]) == ("–", "–", "–", "–")


def test_the_chosen_penalty_is_marked_and_its_folds_are_told(haic_record):
    table = penalties_table(haic_record)

    assert table.rows[1] == ("0.01", "0.810", "chosen")
    assert "0.84, 0.79, –, 0.80, 0.82" in table.note
    assert "32 features, 100 development patients, 25 with the event" in table.note


def test_weights_come_by_size_and_in_words(haic_record):
    rows = weights_table(haic_record).rows
    sizes = [abs(float(value.replace("−", "-"))) for _, value in rows]

    assert sizes == sorted(sizes, reverse=True)
    assert rows[0] == ("Image: dual echo", "0.1400")
    assert ("CRP: not measured", "−0.0200") in rows


def test_five_features_of_one_network_are_no_sequences(haic_record):
    joint = replace(haic_record, settings={"reading": "five_channel"})

    assert not scored_by_sequence(joint)
    assert weights_table(joint).rows[0][0] == "Image: feature 5"


def test_a_mean_over_seeds_needs_every_seed(haic_record):
    table = haic_seeds_table(haic_record)

    assert table.total[0] == "Mean"
    assert table.total[3:] == ("0.800", "0.810", "–", "0.890")


def test_without_a_machine_or_seeds_or_times_there_are_no_rows(bare_haic_record):
    for table_of in (penalties_table, weights_table, haic_seeds_table, seconds_table):
        table = table_of(bare_haic_record)
        assert (table.rows, table.total) == ((), ())
