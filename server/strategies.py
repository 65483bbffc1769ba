"""Flower's strategies by name, fed with replies that were checked before.

Who is asked is the transport's decision; a strategy only turns the replies of a round into the
next global weights, through its own ``configure_train`` and ``aggregate_train``.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.app.message import make_message
from flwr.app.metadata import Metadata
from flwr.serverapp import Grid, strategy

from shared.errors import MessageError, Problem, SettingsError
from shared.messages.training import TrainingReply, Weights
from shared.settings import RunSettings

_RUNNING_STATISTICS = (".running_mean", ".running_var")
_SERVER_OPTIMIZERS = ("FedAvgM", "FedAdam", "FedYogi", "FedAdagrad")
_MEMORY = ("m_t", "v_t", "momentum_vector")
"""Where Flower's server optimisers keep what they remember between rounds."""
_SERVER_MOMENTUM = 0.9
"""Hsu 2019, section 4.1 (FedAvgM)."""
_TRIM_MARGIN = 0.25
"""Added to the number trimmed, so that the fraction's rounding down never trims one fewer."""

_LEAST_REPLIES = {
    "FedTrimmedAvg": (2, 1),  # Yin 2018: fewer than half are faulty
    "Krum": (2, 3),  # Blanchard 2017, Proposition 1
    "MultiKrum": (2, 3),
    "Bulyan": (4, 3),  # El Mhamdi 2018, section 4
}
"""Replies a robust strategy needs: so many per faulty site, plus so many."""


class Aggregation:
    """One of Flower's strategies and what it remembers between rounds.

    Integer counters of batch norm never travel (``shared.models.weights``), so every array here
    is float. Batch norm's running means and variances are averaged by patients also under the
    server optimisers: an optimiser step on a variance can make it negative, and the network NaN.
    """

    def __init__(self, settings: RunSettings) -> None:
        """Build the strategy that the run settings name.

        Args:
            settings: Of the run.

        Raises:
            SettingsError: If the strategy needs more sites than ``min-sites`` promises.
        """
        self._name = settings.strategy
        self._faulty = settings.malicious_sites
        per_faulty, base = _LEAST_REPLIES.get(settings.strategy, (0, 1))
        least = per_faulty * settings.malicious_sites + base
        if settings.min_sites < least:
            problem = Problem(
                "min-sites",
                str(settings.min_sites),
                f"at least {least} for {settings.strategy} with "
                f"malicious-sites={settings.malicious_sites}",
                "Raise min-sites or choose another strategy.",
            )
            raise SettingsError("The run config cannot be used.", [problem])
        self._strategy = _build(settings)

    def begin(self, round_number: int, weights: Weights) -> None:
        """Let the strategy see the global weights that a round starts from.

        Args:
            round_number: From 1.
            weights: The global weights that were sent out.
        """
        # Only the server optimisers look at what was sent; the others need no copy of it.
        seen = weights if self._name in _SERVER_OPTIMIZERS else {}
        record = ArrayRecord({name: Array(array) for name, array in seen.items()})
        nobody = cast("Grid", _Nobody())
        with _without_chatter():
            self._strategy.configure_train(round_number, record, ConfigRecord(), nobody)

    def combine(self, round_number: int, replies: dict[str, TrainingReply]) -> Weights:
        """Turn the checked replies of a round into the next global weights.

        Args:
            round_number: From 1.
            replies: By site name; emptied on the way, so that no update is held twice.

        Returns:
            Same names and shapes as the replies' weights, float32.

        Raises:
            MessageError: If the strategy could not aggregate.
        """
        statistics = self._statistics(replies)
        if isinstance(self._strategy, strategy.FedTrimmedAvg):
            self._strategy.beta = _trimmed_share(self._faulty, len(replies))
        messages = [_reply_message(replies.pop(site)) for site in sorted(replies)]
        with _without_chatter():
            record, _ = self._strategy.aggregate_train(round_number, messages)
        if record is None:
            raise MessageError(
                f"{self._name} gave no aggregate of {len(messages)} replies. "
                "Lower malicious-sites or wait for more sites."
            )
        # FedAdam and its kin compute in float64; the network is float32.
        combined = {name: array.numpy().astype(np.float32) for name, array in record.items()}
        combined.update(statistics)
        return combined

    def _statistics(self, replies: Mapping[str, TrainingReply]) -> Weights:
        if self._name not in _SERVER_OPTIMIZERS:
            return {}
        updates = [replies[site] for site in sorted(replies)]
        patients = np.array([update.training_patients for update in updates], dtype=np.float64)
        names = (name for name in updates[0].weights if name.endswith(_RUNNING_STATISTICS))
        return {
            name: np.average(
                np.stack([update.weights[name] for update in updates]), axis=0, weights=patients
            ).astype(np.float32)
            for name in names
        }

    def memory(self) -> Weights:
        """Give what the strategy remembers between rounds, for a checkpoint."""
        kept: Weights = {}
        for attribute in _MEMORY:
            value = getattr(self._strategy, attribute, None)
            items = value.items() if isinstance(value, dict) else enumerate(value or ())
            kept |= {f"{attribute}/{name}": np.asarray(array) for name, array in items}
        return kept

    def remember(self, memory: Mapping[str, np.ndarray]) -> None:
        """Put back what ``memory`` gave."""
        by_attribute: dict[str, dict[str, np.ndarray]] = {}
        for key, array in memory.items():
            attribute, _, name = key.partition("/")
            by_attribute.setdefault(attribute, {})[name] = array
        for attribute, arrays in by_attribute.items():
            ordered = [arrays[str(i)] for i in range(len(arrays))] if "0" in arrays else None
            setattr(self._strategy, attribute, ordered or arrays)


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep Flower's "Sampled 0 nodes" out of the log: the transport samples, and says so."""
    logger = logging.getLogger("flwr")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Nobody:
    """Stands for a grid on which a strategy finds no node to sample."""

    def get_node_ids(self) -> tuple[int, ...]:
        return ()


def _build(settings: RunSettings) -> strategy.FedAvg:
    eta: dict[str, float] = {"eta": settings.server_learning_rate}
    faulty: dict[str, float] = {"num_malicious_nodes": settings.malicious_sites}
    own: dict[str, dict[str, float]] = {
        "FedProx": {"proximal_mu": settings.proximal_mu},
        "FedAvgM": {
            "server_learning_rate": settings.server_learning_rate,
            "server_momentum": _SERVER_MOMENTUM,
        },
        "FedAdam": eta,
        "FedYogi": eta,
        "FedAdagrad": eta,
        "Krum": faulty,
        # Blanchard 2017, section 4: Multi-Krum averages the n - f best of n.
        "MultiKrum": faulty
        | {"num_nodes_to_select": max(1, settings.min_sites - settings.malicious_sites)},
        "Bulyan": faulty,
    }
    kind = getattr(strategy, settings.strategy)
    built: strategy.FedAvg = kind(
        min_train_nodes=0, min_available_nodes=0, **own.get(settings.strategy, {})
    )
    return built


def _trimmed_share(faulty: int, replies: int) -> float:
    """Give the share to trim at each end so that exactly ``faulty`` replies go (Yin 2018)."""
    return (faulty + _TRIM_MARGIN) / replies if faulty else 0.0


def _reply_message(reply: TrainingReply) -> Message:
    content = RecordDict(
        {
            "arrays": ArrayRecord({name: Array(array) for name, array in reply.weights.items()}),
            "metrics": MetricRecord({"num-examples": reply.training_patients}),
        }
    )
    metadata = Metadata(0, "", 0, 0, "", "", 0.0, 1.0, "train")
    return make_message(metadata, content)
