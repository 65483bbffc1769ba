"""The coordinator's run config: Flower's flat key-value table parsed once into a frozen value.

Keys are kebab-case, as Flower writes them. ``pyproject.toml`` under ``[tool.flwr.app.config]``
carries every key with its default; a test holds the two equal. All problems of a config are
reported at once.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches

from shared.errors import Problem, SettingsError
from shared.vocabulary import CtPhase

ConfigValue = str | int | float | bool

STRATEGIES = (
    "FedAvg",
    "FedProx",
    "FedAvgM",
    "FedAdam",
    "FedYogi",
    "FedAdagrad",
    "FedMedian",
    "FedTrimmedAvg",
    "Krum",
    "MultiKrum",
    "Bulyan",
)
"""Flower's own strategies, by the names of ``flwr.serverapp.strategy``."""

CLICI_CT = "clici-ct"
CLINICAL_STATISTICS = "clinical-statistics"
TASKS = (CLICI_CT, CLINICAL_STATISTICS)
"""A network on CT images, and statistics with a support vector machine on the clinical tables."""

NORMS = ("batch", "group")
PHASE_NAMES = tuple(phase.value for phase in CtPhase)


@dataclass(frozen=True)
class RunSettings:
    """What the coordinator decides for one run.

    Attributes:
        task: Which study, one of ``TASKS``. Clinical statistics heed the held-out fraction, the
            quorum, the times and the seed only.
        phases: CT phases the model sees, in this order.
        image_size: Height and width of a slice, pixels (Liao 2024, section 2.3: 224).
        slices_per_patient: Evenly spaced slices of the liver range; 0 takes every slice.
        rounds: Federated training rounds.
        local_epochs: Passes over the site's training patients per round.
        batch_size: Slices per step (Liao 2024, section 2.4: 20).
        learning_rate: Of Adam (Liao 2024: 1e-4).
        halve_every: Rounds after which the learning rate halves (Liao 2024: 50 epochs).
        norm: Normalisation layer, ``batch`` as published or ``group``.
        attention: Whether self-attention joins the phases (Liao 2024, Fig 3b ablates it).
        augmentation: Whether training slices are augmented.
        patience: Rounds without a better federated inner-validation loss before training stops;
            0 never stops early.
        strategy: Flower strategy, by name.
        server_learning_rate: Used by the adaptive strategies and FedAvgM.
        proximal_mu: Weight of FedProx's proximal term at the site; 0 switches it off.
        malicious_sites: How many faulty sites the robust strategies assume.
        held_out_fraction: Share of each site's patients never trained on, where the manifest
            does not assign splits.
        inner_validation_fraction: Share of the rest used to choose the best round.
        min_sites: Sites needed at the start and in every round; below it the run waits, then
            fails by name. Sums over fewer than three would show each of two sites the other's
            share, so a run of two trains but is not evaluated.
        wait_seconds: How long the run waits for ``min_sites``.
        round_timeout_seconds: How long one exchange may take.
        seed: Of everything random in the run.
        pretrained_weights: Safetensors file with a torchvision ResNet-18, on the server; empty
            starts from random weights.
        run_dir: Absolute folder for checkpoints, events and results; set by the command.
        sites_dir: Folder of simulated sites; honoured only by simulated nodes.
    """

    task: str = CLICI_CT
    phases: tuple[CtPhase, ...] = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
    image_size: int = 224
    slices_per_patient: int = 0
    rounds: int = 50
    local_epochs: int = 1
    batch_size: int = 20
    learning_rate: float = 1e-4
    halve_every: int = 50
    norm: str = "batch"
    attention: bool = True
    augmentation: bool = True
    patience: int = 10
    strategy: str = "FedAvg"
    server_learning_rate: float = 0.1
    proximal_mu: float = 0.0
    malicious_sites: int = 0
    held_out_fraction: float = 0.4
    inner_validation_fraction: float = 0.2
    min_sites: int = 3
    wait_seconds: int = 600
    round_timeout_seconds: int = 3600
    seed: int = 0
    pretrained_weights: str = ""
    run_dir: str = ""
    sites_dir: str = ""


# Smallest and largest permitted value; a training setting outside is a slip of the keyboard.
_RANGES: dict[str, tuple[float, float]] = {
    "image_size": (32, 1024),
    "slices_per_patient": (0, 2000),
    "rounds": (1, 10_000),
    "local_epochs": (1, 1000),
    "batch_size": (1, 4096),
    "learning_rate": (1e-8, 10.0),
    "halve_every": (1, 100_000),
    "patience": (0, 10_000),
    "server_learning_rate": (1e-8, 10.0),
    "proximal_mu": (0.0, 1e3),
    "malicious_sites": (0, 1000),
    "held_out_fraction": (0.0, 0.9),
    "inner_validation_fraction": (0.0, 0.9),
    "min_sites": (1, 10_000),
    "wait_seconds": (1, 604_800),
    "round_timeout_seconds": (1, 604_800),
    "seed": (0, 2**31 - 1),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "task": TASKS,
    "norm": NORMS,
    "strategy": STRATEGIES,
}


def key_of(name: str) -> str:
    """Give the run-config key of a field: ``image_size`` is ``image-size``."""
    return name.replace("_", "-")


def default_config() -> dict[str, ConfigValue]:
    """Give every run-config key with its default, as ``pyproject.toml`` must list them."""
    config: dict[str, ConfigValue] = {}
    for item in fields(RunSettings):
        value = item.default
        if isinstance(value, tuple):
            value = ",".join(value)
        if value is not MISSING:
            config[key_of(item.name)] = value
    return config


def parse_run_settings(config: Mapping[str, ConfigValue]) -> RunSettings:
    """Parse a flat run config.

    Args:
        config: Kebab-case keys; keys that are missing take their defaults.

    Returns:
        The settings, checked.

    Raises:
        SettingsError: With one problem per wrong key or value.
    """
    names = {key_of(item.name): item for item in fields(RunSettings)}
    problems: list[Problem] = []
    values: dict[str, object] = {}
    for key, value in config.items():
        if key not in names:
            problems.append(
                Problem(key, "an unknown key", "one of the known keys", _closest(key, names))
            )
            continue
        name = names[key].name
        if name == "phases":
            parsed: object = _phases(str(value), problems)
        else:
            parsed = _scalar(name, value, type(names[key].default), problems)
        if parsed is not None:
            values[name] = parsed
    if problems:
        raise SettingsError("The run config cannot be used.", problems)
    return RunSettings(**values)  # type: ignore[arg-type]  # each value was checked against its field


def _closest(key: str, names: Mapping[str, object]) -> str:
    near = get_close_matches(key, names, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(sorted(names))}."


def _phases(text: str, problems: list[Problem]) -> tuple[CtPhase, ...] | None:
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in PHASE_NAMES]
    if unknown or not words or len(set(words)) != len(words):
        problems.append(
            Problem(
                "phases",
                repr(text),
                f"different words of {', '.join(PHASE_NAMES)}, separated by commas",
                "Correct the list.",
            )
        )
        return None
    return tuple(CtPhase(word) for word in words)


def _scalar(
    name: str, value: ConfigValue, kind: type, problems: list[Problem]
) -> ConfigValue | None:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        problems.append(
            Problem(key_of(name), repr(value), words[kind], "Correct the value in the run config.")
        )
        return None
    if name in _RANGES and not isinstance(value, str):
        low, high = _RANGES[name]
        if not low <= value <= high:  # also catches NaN
            problems.append(
                Problem(
                    key_of(name),
                    repr(value),
                    f"a value from {low:g} to {high:g}",
                    "Correct the value in the run config.",
                )
            )
            return None
    if name in _CHOICES and value not in _CHOICES[name]:
        problems.append(
            Problem(
                key_of(name),
                repr(value),
                f"one of {', '.join(_CHOICES[name])}",
                "Correct the value in the run config.",
            )
        )
        return None
    return value
