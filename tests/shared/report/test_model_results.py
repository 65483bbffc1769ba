import numpy as np
import pytest

from shared.aggregation.pooled_evaluation import PooledSums, evaluation_of
from shared.aggregation.score_cells import ScoreCells
from shared.messages.evaluation import SiteResultReply
from shared.report.model_results import model_result
from shared.report.run_record import Measure
from shared.stats.confusion import ConfusionCounts
from shared.stats.intervals import clopper_pearson


@pytest.fixture
def evaluation():
    """Thirteen patients with the event and 51 without, as readers of Quan 2024 called them."""
    cells = ScoreCells(np.array([0.0, 0.5, 1.0]), np.array([[3, 10], [43, 8]]))
    sums = PooledSums(ConfusionCounts(10, 3, 8, 43), 11.0, 9.0, cells)
    replies = {
        "North": SiteResultReply(20, 4, 17, 3, 14, 0.8, 0.3),
        "East": SiteResultReply(None, None, None, None, None, None, None),
    }
    return evaluation_of(
        "progressive disease (PD)", sums, replies, sites=("East", "North"), exchanges=3, minimum=1
    )


def test_the_operating_point_is_the_published_one(evaluation):
    result = model_result("reader 1", evaluation)

    shown = [result.sensitivity, result.specificity, result.ppv, result.npv]
    assert [round(measure.value, 3) for measure in shown] == [0.769, 0.843, 0.556, 0.935]
    assert (result.sensitivity.lower, result.sensitivity.upper) == clopper_pearson(10, 13)
    assert result.auc.value == pytest.approx((0.769 + 0.843) / 2, abs=1e-3)
    assert (result.patients, result.events) == (64, 13)


def test_a_reader_has_no_probability_and_a_model_has(evaluation):
    reader = model_result("reader 1", evaluation)
    model = model_result("fusion", evaluation, threshold=0.3)

    assert (reader.brier, reader.threshold) == (None, None)
    assert (model.brier, model.threshold) == (11.0 / 64, 0.3)


def test_rows_of_sites_keep_what_is_withheld_unknown(evaluation):
    rows = {
        row.site: row
        for row in model_result("fusion", evaluation, threshold=0.3, with_sites=True).sites
    }

    assert rows["North"].accuracy.value == 17 / 20
    assert rows["North"].specificity.value == 14 / 16
    assert rows["North"].auc.upper == 1.0
    assert rows["East"].patients is None
    assert rows["East"].auc == rows["East"].sensitivity == Measure()
    assert model_result("fusion", evaluation, threshold=0.3).sites == ()
