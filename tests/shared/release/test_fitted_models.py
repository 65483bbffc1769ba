import json
from dataclasses import replace

import numpy as np
import pytest

from shared.errors import ReleaseError
from shared.fusion.svm import probabilities
from shared.release.fitted_models import models_from_json, models_to_json

TABLE = {
    "ast_u_l": np.array([56.0, np.nan, 30.0]),
    "crp_mg_l": np.array([np.nan, 10.0, 3.0]),
    "tumour_thrombus": np.array([1.0, 0.0, np.nan]),
    "image_score": np.array([0.3, -1.2, 0.0]),
    **{f"image_feature_{n}": np.array([0.1, -0.2, 0.3]) * n for n in range(1, 6)},
}


def _again(models):
    return models_from_json(json.loads(json.dumps(models_to_json(models), allow_nan=False)))


def test_models_come_back_equal_to_the_last_bit(models):
    again = _again(models)

    assert list(again) == list(models)
    for name, model in models.items():
        one, two = model.preparation, again[name].preparation
        assert (one.columns, one.logged, one.indicated) == (two.columns, two.logged, two.indicated)
        for field in ("medians", "centres", "scales"):
            assert np.array_equal(getattr(one, field), getattr(two, field))
        assert np.array_equal(model.weights, again[name].weights)
        assert (model.degree, model.slope, model.intercept, model.threshold) == (
            again[name].degree,
            again[name].slope,
            again[name].intercept,
            again[name].threshold,
        )


def test_models_come_back_with_the_same_probabilities(models):
    again = _again(models)

    for name, model in models.items():
        assert np.array_equal(probabilities(model, TABLE), probabilities(again[name], TABLE))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"degree": 3}, "fusion.degree"),
        ({"weights": [0.0]}, "fusion.weights"),
        ({"medians": [0.0]}, "fusion.medians"),
        ({"scales": [0.0] * 8}, "fusion.scales"),
        ({"columns": ["another"] * 7}, "fusion.columns"),
        ({"logged": ["albumin_g_l"]}, "fusion.logged"),
    ],
)
def test_numbers_that_do_not_fit_together_are_named(models, change, where):
    data = models_to_json(models)
    data["models"]["fusion"].update(change)

    with pytest.raises(ReleaseError, match="cannot be used") as refusal:
        models_from_json(data)

    assert where in {problem.where for problem in refusal.value.problems}


def test_a_number_that_is_not_finite_is_not_released(models):
    broken = {"fusion": replace(models["fusion"], threshold=float("nan"))}

    with pytest.raises(ReleaseError, match=r"models\.fusion\.threshold"):
        models_to_json(broken)


def test_a_release_without_models_is_refused():
    with pytest.raises(ReleaseError, match="no model"):
        models_to_json({})


def test_models_of_another_version_are_refused(models):
    with pytest.raises(ReleaseError, match="hepafed-models/9"):
        models_from_json({**models_to_json(models), "format": "hepafed-models/9"})
