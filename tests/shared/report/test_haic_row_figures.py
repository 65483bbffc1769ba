from dataclasses import replace

from shared.report.haic_row_figures import forest, weights


def test_the_forest_has_a_panel_per_model_and_a_row_per_arm(haic_record):
    drawing = forest(haic_record)
    rows = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]

    assert [axes.get_title(loc="left") for axes in drawing.figure.axes] == [
        "Image alone",
        "Clinic alone",
        "Fusion",
    ]
    assert rows == [arm.name for arm in haic_record.arms]
    assert drawing.csv.splitlines()[-1] == "best possible,fusion,0.89,,"


def test_an_arm_with_one_model_leaves_the_other_panels_empty(haic_record):
    image = replace(haic_record.arms[0], models=haic_record.arms[0].models[:1])
    drawing = forest(replace(haic_record, arms=(image,)))
    values = [
        len([t for t in axes.texts if t.get_text()[0] == "0"]) for axes in drawing.figure.axes
    ]

    assert values == [1, 0, 0]


def test_the_largest_weights_come_first_and_the_file_holds_all(haic_record):
    drawing = weights(haic_record.fusion, by_sequence=True)
    labels = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]

    assert labels[:2] == ["Image: dual echo", "Image: T2 FSE"]
    assert len(labels) == 20
    assert len(drawing.csv.splitlines()) == 1 + len(haic_record.fusion.weights)


def test_a_machine_without_readable_weights_is_not_drawn(haic_record):
    assert weights(None, by_sequence=True) is None
    assert weights(replace(haic_record.fusion, weights=()), by_sequence=True) is None
