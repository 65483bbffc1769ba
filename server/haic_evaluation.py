"""Evaluation of a run's models on the same held-out patients, each alone and in pairs."""

from collections.abc import Callable, Mapping

from server.federated_evaluation import compare_models, evaluate
from server.haic_results import HaicEvaluation, ModelTest
from shared.aggregation.sum_channel import MINIMUM_SITES
from shared.cohort.endpoint import Endpoint
from shared.cohort.fusion_columns import FUSION_COLUMNS
from shared.fusion.svm import FittedSvm
from shared.fusion.svm_arrays import svm_to_arrays
from shared.messages.exchange import Ask
from shared.messages.training import Weights


def evaluate_models(
    ask: Ask,
    models: Mapping[str, FittedSvm],
    endpoint: Endpoint,
    digest_of: Callable[[Weights], str],
    *,
    minimum_sites: int = MINIMUM_SITES,
) -> HaicEvaluation:
    """Evaluate models and compare each pair by DeLong's paired test: about eight exchanges each.

    Args:
        ask: The road to the sites; their tables hold the image columns already.
        models: By name.
        endpoint: What the scores are about.
        digest_of: Names arrays by their content.
        minimum_sites: Fewer sites in a sum are refused.

    Returns:
        The evaluation.

    Raises:
        HepafedError: What an exchange raises; DataError without held-out patients.
    """
    arrays = {name: svm_to_arrays(model, FUSION_COLUMNS) for name, model in models.items()}
    digests = {name: digest_of(weights) for name, weights in arrays.items()}
    found = {
        name: evaluate(ask, weights, digests[name], endpoint, minimum_sites=minimum_sites)
        for name, weights in arrays.items()
    }
    both_classes = all(evaluation.auc is not None for evaluation in found.values())
    tests: tuple[ModelTest, ...] = ()
    if both_classes and len(digests) > 1:
        name_of = {digest: name for name, digest in digests.items()}
        # The sites have scored all of them just now.
        compared = compare_models(
            ask, {digest: {} for digest in name_of}, endpoint, minimum_sites=minimum_sites
        )
        tests = tuple(
            ModelTest(name_of[first], name_of[second], test.difference, test.z, test.p)
            for (first, second), test in compared.tests.items()
        )
    return HaicEvaluation(found, digests, tests)
