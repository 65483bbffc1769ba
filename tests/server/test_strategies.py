import numpy as np
import pytest

from server.strategies import Aggregation
from shared.errors import MessageError, SettingsError
from shared.messages.training import TrainingReply
from shared.settings import STRATEGIES, parse_run_settings


def replies(values, patients=None, name="w"):
    patients = patients or [10] * len(values)
    return {
        f"site{i}": TrainingReply({name: np.asarray(v, np.float32)}, n, 0.5, 1.0, 2, 3, 0.1)
        for i, (v, n) in enumerate(zip(values, patients, strict=True))
    }


def aggregation(strategy, **changes):
    return Aggregation(parse_run_settings({"strategy": strategy, **changes}))


def combined(strategy, values, patients=None, start=(0.0, 0.0), **changes):
    rule = aggregation(strategy, **changes)
    rule.begin(1, {"w": np.asarray(start, np.float32)})
    return rule.combine(1, replies(values, patients))["w"]


SEVEN = [[1.0 + 0.01 * i, 1.0 - 0.01 * i] for i in range(7)]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_keeps_agreeing_sites_and_float32(strategy):
    new = combined(strategy, SEVEN, start=(1.0, 1.0), **{"min-sites": 7})
    assert new.dtype == np.float32
    assert new.shape == (2,)
    assert np.allclose(new, 1.0, atol=0.2)


@pytest.mark.parametrize("strategy", ["FedAvg", "FedProx"])
def test_averages_weight_sites_by_patients(strategy):
    assert np.allclose(combined(strategy, [[0.0, 0.0], [4.0, 8.0]], [30, 10]), [1.0, 2.0])


def test_fedavgm_goes_the_server_learning_rate_towards_the_average():
    new = combined("FedAvgM", [[1.0, 2.0]] * 2, **{"server-learning-rate": 0.5})
    assert np.allclose(new, [0.5, 1.0])


@pytest.mark.parametrize("strategy", ["FedMedian", "FedTrimmedAvg", "Krum", "MultiKrum", "Bulyan"])
def test_robust_strategies_withstand_one_faulty_site_of_seven(strategy):
    values = [*SEVEN[:6], [1e6, -1e6]]
    new = combined(strategy, values, **{"min-sites": 7, "malicious-sites": 1})
    assert np.allclose(new, 1.0, atol=0.1)


def test_trimming_cuts_exactly_the_assumed_number_at_each_end():
    values = [[v] for v in (-100.0, 1.0, 2.0, 3.0, 100.0)]
    new = combined("FedTrimmedAvg", values, start=(0.0,), **{"min-sites": 5, "malicious-sites": 1})
    assert np.allclose(new, [2.0])


@pytest.mark.parametrize(
    ("strategy", "least"), [("FedTrimmedAvg", 3), ("Krum", 5), ("MultiKrum", 5), ("Bulyan", 7)]
)
def test_too_few_sites_for_a_robust_strategy_are_refused_at_the_start(strategy, least):
    with pytest.raises(SettingsError, match=f"at least {least} for {strategy}"):
        aggregation(strategy, **{"min-sites": least - 1, "malicious-sites": 1})
    aggregation(strategy, **{"min-sites": least, "malicious-sites": 1})


def test_no_aggregate_is_an_error_with_the_strategys_name():
    rule = aggregation("Bulyan", **{"min-sites": 7, "malicious-sites": 1})
    rule.begin(1, {"w": np.zeros(2, np.float32)})
    with pytest.raises(MessageError, match="Bulyan gave no aggregate of 3 replies"):
        rule.combine(1, replies(SEVEN[:3]))


@pytest.mark.parametrize("strategy", ["FedAvgM", "FedAdam", "FedYogi", "FedAdagrad"])
def test_running_variances_are_averaged_under_server_optimisers(strategy):
    rule = aggregation(strategy, **{"server-learning-rate": 5.0})
    rule.begin(1, {"norm.running_var": np.full(2, 0.5, np.float32)})
    got = replies([[0.1, 0.2], [0.3, 0.4]], [10, 30], name="norm.running_var")
    assert np.allclose(rule.combine(1, got)["norm.running_var"], [0.25, 0.35])


@pytest.mark.parametrize("strategy", ["FedAvgM", "FedAdam", "FedYogi", "FedAdagrad"])
def test_a_strategy_goes_on_after_a_restart_as_if_nothing_had_happened(strategy):
    rng = np.random.default_rng(5)
    rounds = [rng.normal(size=(3, 4)) for _ in range(3)]
    steady, weights = aggregation(strategy), {"w": np.zeros(4, np.float32)}
    restarted = weights
    memory = {}
    for number, values in enumerate(rounds, start=1):
        steady.begin(number, weights)
        weights = steady.combine(number, replies(values))
        fresh = aggregation(strategy)
        fresh.remember(memory)
        fresh.begin(number, restarted)
        restarted = fresh.combine(number, replies(values))
        memory = fresh.memory()
    assert np.array_equal(weights["w"], restarted["w"])


def test_updates_are_not_held_twice():
    rule = aggregation("FedAvg")
    rule.begin(1, {"w": np.zeros(2, np.float32)})
    given = replies(SEVEN)
    rule.combine(1, given)
    assert given == {}
