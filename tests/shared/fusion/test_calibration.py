"""Platt's curve from summed shares equals the pooled one and scikit-learn's."""

import numpy as np
import pytest
from sklearn.calibration import _SigmoidCalibration

from shared.aggregation.fixed_point import add_words, decode_sums, encode_sums
from shared.fusion.calibration import fit_platt, platt_parts
from shared.messages.sums import SumField, SumKind
from shared.stats.irls import LikelihoodParts
from shared.stats.platt import fit_platt as fit_pooled
from shared.stats.platt import platt_targets

FIELDS = (
    SumField("value", (), SumKind.WIDE),
    SumField("gradient", (2,), SumKind.WIDE),
    SumField("information", (2, 2), SumKind.WIDE),
)


@pytest.mark.parametrize("sites", [1, 3, 6])
@pytest.mark.parametrize("kind", ["smooth", "tied", "separated"])
def test_the_curve_of_summed_shares_equals_the_pooled_one(sites, kind):
    rng = np.random.default_rng(sites)
    events = rng.random(120) < 0.2
    values = {
        "smooth": rng.normal(size=120) + events,
        "tied": np.round(rng.normal(size=120) + events),
        "separated": np.where(events, 2.0, -2.0) + 0.1 * rng.normal(size=120),
    }[kind]
    counts = int(events.sum()), int((~events).sum())

    def parts_at(curve):
        total = np.zeros(sum(field.words for field in FIELDS), dtype=np.int64)
        for site in range(sites):
            own = slice(site, None, sites)
            parts = platt_parts(values[own], events[own], platt_targets(*counts), curve)
            share = {
                "value": np.asarray(parts.value),
                "gradient": parts.gradient,
                "information": parts.information,
            }
            total = add_words(total, encode_sums(FIELDS, share))
        summed = decode_sums(FIELDS, total)
        return LikelihoodParts(float(summed["value"]), summed["gradient"], summed["information"])

    slope, intercept = fit_platt(parts_at, *counts)
    pooled = fit_pooled(values, events)
    assert slope == pytest.approx(pooled.slope, abs=1e-12)
    assert intercept == pytest.approx(pooled.intercept, abs=1e-12)
    reference = _SigmoidCalibration().fit(values, events)
    # The reference stops at a gradient of 1e-6, so it is the looser of the two.
    assert slope == pytest.approx(-reference.a_, rel=2e-5)
    assert intercept == pytest.approx(-reference.b_, rel=2e-5)
