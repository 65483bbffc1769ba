"""The exchanges of a support vector machine: descent, out-of-fold counts, calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from server.federated_moments import Columns, PartSizes
from shared.aggregation.lockstep import run_together
from shared.aggregation.score_cells import (
    MOST_SPLITS,
    ScoreCells,
    first_edges,
    probe_edges,
    refine,
)
from shared.aggregation.sum_channel import SumChannel
from shared.errors import MessageError
from shared.fusion.calibration import fit_platt
from shared.fusion.lbfgs import Evaluation, Minimum, Vector, lbfgs
from shared.fusion.standardize import Preparation
from shared.fusion.svm import LINEAR, class_weights, coordinates, turned_coordinates
from shared.messages.exchange import Ask
from shared.messages.svm import SvmModelReply, SvmModelRequest, SvmRequest, SvmStep
from shared.stats.irls import LikelihoodParts
from shared.stats.platt import platt_targets

FIRST_CELLS = 256
"""Score cells of each set in the first exchange, equally wide on [0, 1]."""

SAME_WEIGHTS = 1e-9
"""Sites turn the same numbers back by the same matrix; they agree to rounding."""


@dataclass(frozen=True)
class PenalisedFit:
    """One penalty on one training part, and where its descent ended.

    Attributes:
        penalty: C.
        part: 0 for everybody, k + 1 for everybody outside fold k.
        minimum: In the fit's secret basis.
    """

    penalty: float
    part: int
    minimum: Minimum


@dataclass(frozen=True)
class Descent:
    """What all fits of a run have in common.

    Attributes:
        balanced: Whether the classes count alike.
        gradients: Largest number of gradients per fit.
        salt: Mixed into the names of the secret bases.
    """

    balanced: bool
    gradients: int
    salt: str


def check_secrets(ask: Ask, salt: str) -> tuple[str, ...]:
    """Refuse to begin when sites would work in different bases.

    Returns:
        The sites that hold the secret.

    Raises:
        MessageError: When the sites hold different rotation secrets.
    """
    replies = ask(SvmModelRequest("", salt, LINEAR, np.zeros(0)), SvmModelReply)
    checks = {reply.check for reply in replies.values()}
    if len(checks) > 1:
        raise MessageError(
            f"Expected one rotation secret at all sites, got {len(checks)} different ones among "
            f"{', '.join(sorted(replies))}. Give every site the same secret file."
        )
    return tuple(sorted(replies))


def empty_request(columns: Columns, preparation: Preparation, degree: int) -> SvmRequest:
    """Make a request about no fit yet."""
    return SvmRequest(
        step=SvmStep.GRADIENT,
        columns=preparation.columns,
        logged=preparation.logged,
        indicated=preparation.indicated,
        medians=preparation.medians,
        centres=preparation.centres,
        scales=preparation.scales,
        event=columns.event,
        folds=columns.folds,
        seed=columns.seed,
        degree=degree,
        parts=(),
        penalties=(),
        class_weights=np.zeros((0, 2)),
        labels=(),
        points=np.zeros((0, coordinates(len(preparation.features), degree))),
        sets=(),
        edges=np.zeros(0),
        edges_per_set=(),
        curve=np.zeros(0),
        targets=np.zeros(0),
    )


def descend(
    channel: SumChannel,
    request: SvmRequest,
    sizes: PartSizes,
    how: Descent,
    wanted: Sequence[tuple[float, int]],
) -> list[PenalisedFit]:
    """Minimise |w|^2 / 2 + loss for several fits in the same exchanges.

    Args:
        channel: The road of the sums.
        request: With the preparation of every part.
        sizes: Of the parts.
        how: What the fits have in common.
        wanted: Penalty and part of each fit.

    Returns:
        The fits, in the order wanted.
    """
    count = request.points.shape[1]
    penalised = np.arange(count) < turned_coordinates(request.centres.shape[1], request.degree)
    patients, events = sizes.patients.tolist(), sizes.events.tolist()
    weights = np.array(
        [
            class_weights(events[part], patients[part] - events[part], balanced=how.balanced)
            for _, part in wanted
        ]
    )

    def evaluate(points: Mapping[int, Vector]) -> Mapping[int, Evaluation]:
        numbers = list(points)
        asked = _about(request, how.salt, [wanted[n] for n in numbers], list(points.values()))
        values = channel(replace(asked, class_weights=weights[numbers])).values
        return {
            n: Evaluation(
                float(values["loss"][row]) + 0.5 * float(np.sum(points[n][penalised] ** 2)),
                values["gradient"][row] + np.where(penalised, points[n], 0.0),
            )
            for row, n in enumerate(numbers)
        }

    searches = [
        # Standardised features have unit variance, so this is the mean curvature at 0.
        lbfgs(np.zeros(count), 1 / (1 + 2 * penalty * patients[part]), how.gradients)
        for penalty, part in wanted
    ]
    minima = run_together(searches, evaluate)
    return [PenalisedFit(*fit, minimum) for fit, minimum in zip(wanted, minima, strict=True)]


def out_of_fold(request: SvmRequest, salt: str, fits: Sequence[PenalisedFit]) -> SvmRequest:
    """Make a request about fits where their descent ended."""
    pairs = [(fit.penalty, fit.part) for fit in fits]
    return _about(request, salt, pairs, [fit.minimum.point for fit in fits])


def score_cells(channel: SumChannel, request: SvmRequest, sets: Sequence[int]) -> list[ScoreCells]:
    """Count out-of-fold patients per score cell until no cell mixes the classes.

    Args:
        channel: The road of the sums.
        request: About the fits.
        sets: The set each fit's patients are counted in, from 0 up.

    Returns:
        The cells of each set; scores are the logistic of the decision values.
    """
    numbers = range(max(sets) + 1)
    counts = _count(channel, request, sets, dict.fromkeys(numbers, first_edges(FIRST_CELLS)))
    cells = {number: ScoreCells(first_edges(FIRST_CELLS), counts[number]) for number in numbers}
    for split in range(MOST_SPLITS):
        edges = {n: probe_edges(c, split) for n, c in cells.items() if c.unresolved.size}
        if not edges:
            break
        counts = _count(channel, request, sets, edges)
        cells |= {n: refine(cells[n], edges[n], counts[n]) for n in edges}
    return [cells[number] for number in numbers]


def calibrate(channel: SumChannel, request: SvmRequest, sizes: PartSizes) -> tuple[float, float]:
    """Fit Platt's curve on the out-of-fold decision values: slope and intercept.

    Raises:
        ConvergenceError: When all decision values are equal.
    """
    events = int(sizes.events[0])
    others = int(sizes.patients[0]) - events
    asked = replace(
        request, step=SvmStep.CALIBRATION, targets=np.array(platt_targets(events, others))
    )

    def parts_at(curve: Float64[np.ndarray, " 2"]) -> LikelihoodParts:
        values = channel(replace(asked, curve=curve)).values
        return LikelihoodParts(float(values["value"]), values["gradient"], values["information"])

    return fit_platt(parts_at, events, others)


def turn_back(
    ask: Ask, salt: str, degree: int, fit: PenalisedFit
) -> tuple[Float64[np.ndarray, " coordinate"], tuple[str, ...]]:
    """Have the sites turn the final weights back from the secret basis.

    Returns:
        The weights, and the sites that agree on them.

    Raises:
        MessageError: When the sites do not agree.
    """
    label = _label(salt, fit.penalty, fit.part)
    replies = ask(SvmModelRequest(label, salt, degree, fit.minimum.point), SvmModelReply)
    answers = [reply.weights for reply in replies.values()]
    if not all(
        a.shape == answers[0].shape and np.allclose(a, answers[0], rtol=0, atol=SAME_WEIGHTS)
        for a in answers
    ):
        raise MessageError(
            f"Expected the same final weights from {', '.join(sorted(replies))}, got different "
            "ones. Give every site the same secret file and the same version."
        )
    return answers[0], tuple(sorted(replies))


def _label(salt: str, penalty: float, part: int) -> str:
    return f"{salt}/{penalty!r}/{part}"


def _about(
    request: SvmRequest, salt: str, fits: Sequence[tuple[float, int]], points: Sequence[Vector]
) -> SvmRequest:
    return replace(
        request,
        parts=tuple(part for _, part in fits),
        penalties=tuple(penalty for penalty, _ in fits),
        labels=tuple(_label(salt, *fit) for fit in fits),
        class_weights=np.ones((len(fits), 2)),
        points=np.array(points),
    )


def _count(
    channel: SumChannel,
    request: SvmRequest,
    sets: Sequence[int],
    edges: Mapping[int, Float64[np.ndarray, " edge"]],
) -> dict[int, Int64[np.ndarray, "2 cell"]]:
    """Count the patients of some sets between edges of their own."""
    numbers = list(edges)
    fits = [fit for fit, number in enumerate(sets) if number in edges]
    asked = replace(
        request,
        step=SvmStep.CELLS,
        parts=tuple(request.parts[fit] for fit in fits),
        penalties=tuple(request.penalties[fit] for fit in fits),
        labels=tuple(request.labels[fit] for fit in fits),
        class_weights=request.class_weights[fits],
        points=request.points[fits],
        sets=tuple(numbers.index(sets[fit]) for fit in fits),
        edges=np.concatenate([edges[n] for n in numbers]),
        edges_per_set=tuple(edges[n].size for n in numbers),
    )
    cells = channel(asked).values["cells"]
    starts = np.cumsum([0, *asked.edges_per_set])
    return {n: cells[:, starts[i] : starts[i + 1] - 1] for i, n in enumerate(numbers)}
