import numpy as np
import pytest
from scipy import special

from shared.cohort.fusion_columns import FUSION_COLUMNS, READERS
from shared.errors import DataError
from shared.fusion.logistic_scorer import hard_call, logistic_scorer
from shared.fusion.standardize import Preparation
from shared.fusion.svm import calls, probabilities
from shared.fusion.svm_arrays import svm_from_arrays, svm_to_arrays

COLUMNS = ("ast_u_l", "tumour_thrombus")


def preparation(indicated=()):
    features = len(COLUMNS) + len(indicated)
    return Preparation(
        columns=COLUMNS,
        logged=("ast_u_l",),
        indicated=indicated,
        medians=np.array([[4.0, 1.0], [9.0, 9.0]]),
        centres=np.arange(2 * features, dtype=float).reshape(2, features),
        scales=2.0 + np.arange(2 * features, dtype=float).reshape(2, features),
    )


def table(rng):
    ast = np.exp(rng.normal(4, 1, 50))
    ast[7] = np.nan
    thrombus = (rng.random(50) < 0.5).astype(float)
    thrombus[9] = np.nan
    return {"ast_u_l": ast, "tumour_thrombus": thrombus}


@pytest.mark.parametrize("indicated", [(), ("tumour_thrombus",)])
def test_the_machine_gives_the_probability_of_the_logistic_model(indicated):
    columns = table(np.random.default_rng(0))
    beta = np.array([0.7, -1.3])
    model = logistic_scorer(preparation(indicated), 0.4, beta, 0.2)
    ast = np.where(np.isnan(columns["ast_u_l"]), 4.0, np.log(columns["ast_u_l"]))
    thrombus = np.where(np.isnan(columns["tumour_thrombus"]), 1.0, columns["tumour_thrombus"])
    expected = special.expit(0.4 + 0.7 * ast - 1.3 * thrombus)
    assert np.allclose(probabilities(model, columns), expected, rtol=0, atol=1e-12)
    assert np.array_equal(calls(model, columns), expected >= 0.2)


def test_the_prevalence_maximises_youdens_index_of_calibrated_probabilities():
    """On a grid of probabilities with any density, each patient's event as likely as predicted."""
    rng = np.random.default_rng(3)
    p, density = (np.arange(999) + 1) / 1000, rng.random(999)
    events, others = p * density, (1 - p) * density
    prevalence = events.sum() / density.sum()
    called_events = np.cumsum(events[::-1])[::-1] / events.sum()
    called_others = np.cumsum(others[::-1])[::-1] / others.sum()
    best = p[np.argmax(called_events - called_others)]
    assert prevalence <= best < prevalence + 0.001


def test_a_scorer_travels_as_a_machine_does():
    columns = table(np.random.default_rng(1))
    model = logistic_scorer(preparation(), 0.4, np.array([0.7, -1.3]), 0.2)
    arrived = svm_from_arrays(svm_to_arrays(model, FUSION_COLUMNS), FUSION_COLUMNS)
    assert np.array_equal(probabilities(arrived, columns), probabilities(model, columns))
    assert arrived.threshold == model.threshold


@pytest.mark.parametrize(("slope", "prevalence"), [(np.nan, 0.2), (1.0, 0.0), (1.0, 1.0)])
def test_a_model_that_is_none_is_refused(slope, prevalence):
    with pytest.raises(DataError, match="both classes"):
        logistic_scorer(preparation(), 0.0, np.array([slope, 1.0]), prevalence)


def test_a_readers_call_is_called_and_ranked_as_the_reader_said():
    said = {READERS[1]: np.array([1.0, 0.0, 1.0])}
    model = hard_call(READERS[1])
    assert calls(model, said).tolist() == [True, False, True]
    assert len(set(probabilities(model, said).tolist())) == 2
    assert np.array_equal(probabilities(model, said) > 0.5, calls(model, said))
