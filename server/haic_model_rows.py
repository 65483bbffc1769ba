"""A run's models as the rows of its record: arms, tests, and how the machine was chosen."""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import special

from server.federated_svm import PENALTIES, FederatedSvm
from server.haic_results import HaicEvaluation
from shared.fusion.svm import FittedSvm
from shared.report.haic_models import (
    READERS,
    CalibrationBin,
    FeatureWeight,
    FusionMachine,
    HaicArm,
    ModelResult,
    PairedTest,
)
from shared.report.model_results import model_result
from shared.report.run_record import Measure, measure
from shared.stats.delong import AucEstimate


def arm_of(
    name: str,
    machines: Mapping[str, FittedSvm],
    evaluation: HaicEvaluation,
    *,
    with_sites: bool = False,
) -> HaicArm:
    """Give the models of one arm as the record holds them.

    Args:
        name: Of the arm.
        machines: Its models, for their thresholds; one that is not given has none.
        evaluation: On held-out patients.
        with_sites: Whether the rows of single sites are kept.

    Returns:
        The arm.
    """
    rows: list[ModelResult] = []
    for model, evaluated in evaluation.models.items():
        machine = machines.get(model)
        bins = tuple(
            CalibrationBin(part.mean_predicted, part.events / part.patients, part.patients)
            for part in evaluated.calibration
        )
        rows.append(
            model_result(
                model,
                evaluated,
                threshold=None if machine is None else _threshold(machine),
                calibration=() if model in READERS else bins,
                with_sites=with_sites,
            )
        )
    return HaicArm(name, tuple(rows))


def paired_tests(arm: str, evaluation: HaicEvaluation) -> tuple[PairedTest, ...]:
    """Give the paired tests of one arm as the record holds them."""
    return tuple(
        PairedTest(
            arm=arm,
            first=test.first,
            second=test.second,
            difference=test.difference,
            z=measure(test.z).value,
            p=measure(test.p).value,
        )
        for test in evaluation.tests
    )


def fusion_machine(fusion: FederatedSvm) -> FusionMachine:
    """Give the machine's choice and weights as the record holds them."""
    areas = fusion.fold_aucs
    usable = areas[:, ~np.isnan(areas).any(axis=0)]
    means = usable.mean(axis=1) if usable.size else np.full(len(PENALTIES), np.nan)
    chosen = PENALTIES.index(fusion.penalty)
    features = fusion.model.preparation.features
    return FusionMachine(
        kernel="linear",
        penalties=PENALTIES,
        mean_fold_aucs=_known(means),
        penalty=fusion.penalty,
        fold_aucs=_known(areas[chosen]),
        out_of_fold_auc=area_measure(fusion.out_of_fold_auc),
        features=len(features),
        patients=fusion.patients,
        events=fusion.events,
        weights=tuple(
            FeatureWeight(name, float(weight))
            for name, weight in zip(features, fusion.model.weights[:-1], strict=True)
        ),
    )


def area_measure(area: AucEstimate) -> Measure:
    """Give an area with its limits as the record holds it."""
    return measure(area.auc, area.lower, area.upper)


def _threshold(machine: FittedSvm) -> float:
    """Give the probability at which the machine calls the event."""
    return float(special.expit(machine.slope * machine.threshold + machine.intercept))


def _known(values: Iterable[float]) -> tuple[float | None, ...]:
    return tuple(measure(float(value)).value for value in values)
