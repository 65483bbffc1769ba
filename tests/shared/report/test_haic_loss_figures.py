from dataclasses import replace

from shared.report.haic_loss_figures import candidate_losses, fold_losses, loss_drawings


def test_every_training_has_its_panel_and_its_circle_at_the_kept_round(haic_record):
    drawing = fold_losses(haic_record)
    panels = drawing.figure.axes
    circles = [
        line.get_xdata()[0]
        for axes in panels
        for line in axes.get_lines()
        if line.get_markersize() == 8
    ]

    assert [axes.get_title(loc="left") for axes in panels] == [
        *(f"Fold {fold} left out" for fold in range(1, 6)),
        "All development patients",
    ]
    assert circles == [training.best_round for training in haic_record.trainings]


def test_a_fall_of_the_learning_rate_is_marked_with_the_new_rate(haic_record):
    axes = fold_losses(haic_record).figure.axes[0]

    assert [text.get_text() for text in axes.texts] == ["0.001"]


def test_a_single_round_is_counted_and_not_measured(haic_record):
    training = replace(
        haic_record.trainings[0], best_round=1, rounds=haic_record.trainings[0].rounds[:1]
    )
    axes = fold_losses(replace(haic_record, trainings=(training,))).figure.axes[0]

    assert [tick for tick in axes.get_xticks() if 0.6 <= tick <= 1.4] == [1]


def test_panels_without_a_training_are_hidden(haic_record):
    drawing = fold_losses(replace(haic_record, trainings=haic_record.trainings[:4]))

    assert [axes.get_visible() for axes in drawing.figure.axes] == [True] * 4 + [False] * 2


def test_candidates_stand_beside_each_other_in_training_and_validation(haic_record):
    drawing = candidate_losses(haic_record)
    names = [text.get_text() for text in drawing.figure.axes[1].get_legend().get_texts()]

    assert names == ["InceptionV4", "ResNet-18", "AlexNet"]
    assert len(drawing.csv.splitlines()) == 1 + 3 * 30


def test_losses_that_nobody_knows_leave_a_gap_and_no_circle(haic_record):
    training = haic_record.trainings[0]
    blind = replace(
        training,
        best_round=None,
        rounds=tuple(replace(r, validation_loss=None) for r in training.rounds),
    )
    drawing = fold_losses(replace(haic_record, trainings=(blind,)))
    drawn = {line.get_label(): len(line.get_xdata()) for line in drawing.figure.axes[0].get_lines()}

    assert (drawn["training"], drawn["validation"]) == (12, 0)


def test_a_run_without_rounds_has_no_loss_figure(bare_haic_record):
    assert list(loss_drawings(bare_haic_record)) == []
