from dataclasses import replace
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from shared.report.figure_style import FEDERATED_LOOK, POOLED_LOOK, arm_look, site_look
from shared.report.figures import (
    forest_figure,
    loss_figure,
    png_bytes,
    roc_figure,
    svg_text,
    traffic_figure,
)
from shared.report.run_record import Measure


def test_the_roc_figure_draws_every_arm_and_the_diagonal(record):
    lines = {line.get_label(): line for line in roc_figure(record).axes[0].lines}
    federated = next(v for k, v in lines.items() if k.startswith("federated"))

    assert len(lines) == len(record.arms) + 1
    np.testing.assert_array_equal(
        federated.get_xdata(), [p.false_alarm_rate for p in record.arms[0].roc]
    )
    area = record.arms[0].auc
    assert f"{area.value:.2f} ({area.lower:.2f}–{area.upper:.2f})" in federated.get_label()


def test_an_arm_without_a_curve_is_left_out(record):
    arms = (replace(record.arms[0], roc=()), *record.arms[1:])

    labels = [line.get_label() for line in roc_figure(replace(record, arms=arms)).axes[0].lines]

    assert not any(label.startswith("federated") for label in labels)


def test_the_loss_figure_marks_the_kept_round(record):
    words = [text.get_text() for text in loss_figure(record).axes[0].texts]

    assert "kept: round 5" in words
    assert "federated, validation" in words
    assert "Clinic South, training" in words


def test_labels_at_the_ends_of_close_curves_do_not_overlap(record):
    rounds = tuple(
        replace(r, site_training_losses=dict.fromkeys(r.site_training_losses, 0.3))
        for r in record.rounds
    )
    axes = loss_figure(replace(record, rounds=rounds)).axes[0]
    heights = sorted(t.xyann[1] for t in axes.texts if t.get_text().endswith("training"))

    assert len(heights) == 4
    assert min(np.diff(heights)) >= 0.06 * np.ptp(axes.get_ylim())


def test_the_forest_plot_names_the_best_possible_area(record):
    words = [text.get_text() for text in forest_figure(record).axes[0].texts]

    assert "best possible 0.91" in words
    assert "chance" in words


def test_the_forest_plot_takes_an_area_without_an_interval(record):
    arms = (replace(record.arms[0], auc=Measure(0.7)), replace(record.arms[1], auc=Measure()))
    axes = forest_figure(replace(record, arms=arms)).axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == ["federated"]


@pytest.mark.parametrize("draw", [roc_figure, loss_figure, forest_figure, traffic_figure])
def test_a_run_without_numbers_has_no_figure(draw, bare_record):
    assert draw(bare_record) is None


def test_the_same_record_gives_the_same_svg(record):
    first = svg_text(traffic_figure(record), text_as_paths=True)

    assert svg_text(traffic_figure(record), text_as_paths=True) == first


def test_drawing_leaves_the_global_settings_alone(record):
    before = dict(mpl.rcParams)

    png_bytes(traffic_figure(record))

    assert dict(mpl.rcParams) == before


def test_a_png_is_white_paper_at_print_resolution(record):
    image = Image.open(BytesIO(png_bytes(traffic_figure(record)))).convert("RGB")

    assert image.width == round(7.2 * 300)
    assert image.getpixel((1, 1)) == (255, 255, 255)


def _contrast_on_white(color):
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)  # WCAG 2.2, contrast ratio


def test_every_line_is_visible_on_white_and_has_its_own_look():
    looks = [FEDERATED_LOOK, POOLED_LOOK, *(site_look(i) for i in range(30))]

    assert min(_contrast_on_white(look.color) for look in looks) >= 4.5
    assert len(set(looks)) == len(looks)


def test_a_site_alone_looks_like_its_site(record):
    assert arm_look(record, record.arm("site alone: Clinic South")) == site_look(2)
