"""The search finds minima of convex functions within its allowance."""

import numpy as np
import pytest

from shared.fusion.lbfgs import Evaluation, lbfgs


def run(function, start, most=200, first_step=0.1, tolerance=1e-9):
    search = lbfgs(np.asarray(start, dtype=float), first_step, most, tolerance)
    point = next(search)
    asked = []
    while True:
        asked.append(point)
        try:
            point = search.send(Evaluation(*function(point)))
        except StopIteration as end:
            return end.value, asked


def quadratic(condition, size=12):
    curvature = np.geomspace(1, condition, size)
    target = np.linspace(-1, 1, size)
    return (
        lambda x: (0.5 * np.sum(curvature * (x - target) ** 2), curvature * (x - target)),
        target,
    )


@pytest.mark.parametrize("condition", [1, 10, 1e4])
@pytest.mark.parametrize("first_step", [1e-4, 1.0, 50.0])
def test_quadratics_of_any_shape_are_solved(condition, first_step):
    function, target = quadratic(condition)
    found, _ = run(function, np.zeros(12), first_step=first_step)
    assert found.converged
    np.testing.assert_allclose(found.point, target, atol=1e-8)


def test_a_kinked_gradient_is_no_obstacle():
    def function(x):
        short = np.maximum(0, 1 - x)
        return 0.5 * x @ x + 5 * short @ short, x - 10 * short

    found, _ = run(function, np.full(4, -3.0))
    np.testing.assert_allclose(found.point, 10 / 11, atol=1e-9)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_no_more_points_are_asked_about_than_allowed(most):
    function, _ = quadratic(1e4)
    found, asked = run(function, np.zeros(12), most=most)
    assert len(asked) == found.evaluations == most
    assert not found.converged


def test_the_point_given_is_the_best_of_those_asked_about():
    function, _ = quadratic(1e4)
    found, asked = run(function, np.zeros(12), most=9)
    sizes = [np.abs(function(point)[1]).max() for point in asked]
    assert found.largest_gradient == min(sizes)
    assert found.point.tolist() == asked[int(np.argmin(sizes))].tolist()


def test_a_start_at_the_minimum_asks_once():
    function, target = quadratic(10)
    found, asked = run(function, target)
    assert len(asked) == 1
    assert found.converged
