import csv
import io
from dataclasses import replace

from shared.report.haic_figures import calibration, methods_roc, result_drawings


def test_every_model_has_its_curve_and_every_reader_its_point(haic_record):
    drawing = methods_roc(haic_record)
    axes = drawing.figure.axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    points = [line for line in axes.get_lines() if len(line.get_xdata()) == 1]

    assert [label.partition("\n")[0] for label in labels] == [
        "Image alone",
        "Clinic alone",
        "Fusion",
        "Reader 1",
        "Reader 2",
    ]
    assert len(points) == 5
    reader = haic_record.result("federated", "reader 1")
    assert points[3].get_xdata()[0] == 1 - reader.specificity.value
    assert points[3].get_ydata()[0] == reader.sensitivity.value


def test_the_numbers_behind_the_curves_are_those_of_the_record(haic_record):
    rows = list(csv.DictReader(io.StringIO(methods_roc(haic_record).csv)))
    fusion = [
        (float(r["false_alarm_rate"]), float(r["sensitivity"]))
        for r in rows
        if r["model"] == "fusion"
    ]

    assert fusion == [
        (p.false_alarm_rate, p.sensitivity) for p in haic_record.result("federated", "fusion").roc
    ]


def test_calibration_shows_a_panel_per_model_with_a_probability(haic_record):
    drawing = calibration(haic_record)
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes if axes.get_visible()]

    assert titles == ["Image alone", "Clinic alone", "Fusion"]
    assert "positive" not in drawing.inline
    assert drawing.figure.axes[0].get_ylabel() == "Share with progressive disease"


def test_without_results_there_is_nothing_to_draw(haic_record, bare_haic_record):
    only_pooled = replace(haic_record, arms=haic_record.arms[1:2])

    assert list(result_drawings(bare_haic_record, by_sequence=True)) == []
    assert methods_roc(only_pooled) is None
    assert calibration(only_pooled) is None
