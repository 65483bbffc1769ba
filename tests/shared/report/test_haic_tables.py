from dataclasses import replace

from shared.report.haic_models import HaicArm, ModelResult
from shared.report.haic_record import BayesAucs
from shared.report.haic_tables import (
    auc_table,
    comparisons_table,
    cross_table,
    operating_table,
    other_calls_table,
    sites_table,
    threshold_table,
)
from shared.report.run_record import Measure


def _published_arm():
    """Inception in the validation cohort of Quan 2024, Table 3."""
    return HaicArm(
        "federated",
        (
            ModelResult(
                model="image-only",
                patients=64,
                events=13,
                auc=Measure(0.826, 0.682, 0.970),
                sensitivity=Measure(0.769, 0.460, 0.938),
                specificity=Measure(0.882, 0.754, 0.951),
                ppv=Measure(0.625, 0.359, 0.837),
                npv=Measure(0.937, 0.818, 0.984),
                accuracy=Measure(0.859, 0.75, 0.934),
                brier=0.12,
                threshold=0.2,
            ),
        ),
    )


def test_areas_stand_by_arm_and_by_model_with_means_and_the_best_possible(haic_record):
    table = auc_table(haic_record)
    rows = {row[0]: row[1:] for row in table.rows}
    federated = haic_record.result("federated", "clinical-only").auc

    assert table.header == ("Trained", "Image alone", "Clinic alone", "Fusion")
    assert rows["federated"][1] == (
        f"{federated.value:.2f} ({federated.lower:.2f}–{federated.upper:.2f})"
    )
    assert rows["best possible"] == ("0.82", "0.78", "0.89")
    assert list(rows)[-2:] == ["mean of sites alone", "best possible"]


def test_a_real_cohort_has_no_best_possible_area(haic_record):
    table = auc_table(replace(haic_record, bayes=BayesAucs(), arms=haic_record.arms[:2]))

    assert [row[0] for row in table.rows] == ["federated", "pooled-central"]


def test_the_published_row_reads_as_published(haic_record):
    table = operating_table(haic_record, _published_arm())

    assert table.rows == (
        (
            "Image alone",
            "0.83 (0.68–0.97)",
            "0.77 (0.46–0.94)",
            "0.88 (0.75–0.95)",
            "0.62 (0.36–0.84)",
            "0.94 (0.82–0.98)",
            "0.86 (0.75–0.93)",
        ),
    )
    assert "64 held-out patients, 13 with the event" in table.caption
    assert "PPV: share of called patients who had progressive disease (PD)" in table.note


def test_thresholds_name_what_they_call_and_what_an_empty_guess_would_cost(haic_record):
    table = threshold_table(haic_record, _published_arm())

    assert table.header[1] == "Calls progressive disease (PD) from"
    assert table.rows == (("Image alone", "0.200", "0.120"),)
    assert f"would give {13 / 64 * 51 / 64:.3f}" in table.note


def test_readers_have_calls_but_no_threshold(haic_record):
    arm = haic_record.arm("federated")

    assert [row[0] for row in operating_table(haic_record, arm).rows][-2:] == [
        "Reader 1",
        "Reader 2",
    ]
    assert [row[0] for row in threshold_table(haic_record, arm).rows] == [
        "Image alone",
        "Clinic alone",
        "Fusion",
    ]


def test_the_other_arms_leave_the_federated_out(haic_record):
    table = other_calls_table(haic_record)

    assert {row[0] for row in table.rows} == {arm.name for arm in haic_record.arms[1:]}
    assert all(len(row) == len(table.header) for row in table.rows)


def test_a_test_without_a_variance_has_a_dash_for_its_p(haic_record):
    last = comparisons_table(haic_record).rows[-1]

    assert last == ("federated", "Image alone less clinic alone", "0.000", "–", "–")


def test_cross_validated_areas_stand_beside_the_held_out_ones(haic_record):
    row = cross_table(haic_record).rows[2]

    assert row[:5] == ("federated", "Fusion", "100", "25", "0.81 (0.71–0.90)")
    assert row[5].startswith(f"{haic_record.result('federated', 'fusion').auc.value:.2f} (")


def test_sites_that_withhold_have_dashes(haic_record):
    rows = sites_table(haic_record.arm("federated")).rows

    assert len(rows) == 4 * 3
    assert rows[-1] == ("Clinic West", "Fusion", "–", "–", "–", "–", "–", "–")
