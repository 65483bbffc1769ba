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
HAIC_MRI = "haic-mri"
CLINICAL_STATISTICS = "clinical-statistics"
TASKS = (CLICI_CT, HAIC_MRI, CLINICAL_STATISTICS)
"""A network on CT; a network on MRI whose features join the clinical table in a support vector
machine; statistics and such a machine on the clinical tables alone."""

NORMS = ("batch", "group")
NETWORKS = ("resnet18", "inception_v4", "resnet50", "alexnet")
READINGS = ("shared", "per_sequence", "five_channel")
OPTIMIZERS = ("adam", "sgd")
LOSSES = ("softmax", "summed")
SCHEDULES = ("halving", "plateau")

PUBLISHED = "published"
"""Stands in a text key for what the task's publication says."""
AS_PUBLISHED = -1
"""Stands in a number key for what the task's publication says."""
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
        image_height: Height of an MRI slice, pixels (Quan 2024: 320).
        image_width: Width of an MRI slice, pixels (Quan 2024: 450).
        bias_field: Whether the MRI coil's shading is removed before normalisation (N4).
        network: ``resnet18`` as published for CT; ``inception_v4`` for MRI, whose candidates are
            all of ``NETWORKS``.
        network_width: Of InceptionV4's filters; 1 is the published network.
        network_blocks: InceptionV4's A, B and C blocks; 4,7,3 is the published network.
        reading: How five MRI sequences become five features (``shared.models.mri_scores``).
        rounds: Federated training rounds (Liao 2024: 50 epochs; Quan 2024: 200).
        local_epochs: Passes over the site's training patients per round.
        batch_size: Slices per step (Liao 2024, section 2.4: 20; Quan 2024: 1).
        learning_rate: In the first round (Liao 2024: 1e-4; Quan 2024: 0.01).
        schedule: ``halving`` by rounds (Liao 2024), or a tenth on a ``plateau`` of the federated
            inner-validation loss (Quan 2024, there of the validation accuracy).
        halve_every: Rounds after which the learning rate halves (Liao 2024: 50 epochs).
        plateau_rounds: Rounds without a better loss after which it falls to a tenth (Quan 2024:
            10 epochs).
        optimizer: ``adam`` (Liao 2024) or ``sgd`` (Quan 2024).
        momentum: Of ``sgd``; Quan 2024 gives none.
        weight_decay: L2 on all weights (Liao 2024: none; Quan 2024 does not give the strength,
            1e-4 is ours).
        loss: ``softmax`` cross-entropy (Liao 2024), or ``summed`` over the classes as Quan 2024
            prints it.
        norm: Normalisation layer, ``batch`` as published or ``group``.
        attention: Whether self-attention joins the phases (Liao 2024, Fig 3b ablates it).
        augmentation: Whether training slices are augmented.
        augmented_copies: Times that each slice is seen in one pass (Quan 2024: 10).
        patience: Rounds without a better federated inner-validation loss before training stops;
            0 never stops early (Liao 2024 stops, 10 is ours; Quan 2024 does not).
        folds: Of the cross-validation inside every site that gives image features of patients
            whom the network has not seen (Quan 2024: 5).
        paper_mode: Whether the clinical models use the number of treatment cycles, which is known
            only after treatment began, as Quan 2024 did.
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
    image_height: int = 320
    image_width: int = 450
    bias_field: bool = False
    network: str = PUBLISHED
    network_width: float = 1.0
    network_blocks: tuple[int, int, int] = (4, 7, 3)
    reading: str = "shared"
    rounds: int = AS_PUBLISHED
    local_epochs: int = 1
    batch_size: int = AS_PUBLISHED
    learning_rate: float = float(AS_PUBLISHED)
    schedule: str = PUBLISHED
    halve_every: int = 50
    plateau_rounds: int = 10
    optimizer: str = PUBLISHED
    momentum: float = 0.0
    weight_decay: float = float(AS_PUBLISHED)
    loss: str = PUBLISHED
    norm: str = "batch"
    attention: bool = True
    augmentation: bool = True
    augmented_copies: int = AS_PUBLISHED
    patience: int = AS_PUBLISHED
    folds: int = 5
    paper_mode: bool = False
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

    def __post_init__(self) -> None:
        """Put the task's published values in the place of the words for them."""
        for name, value in _AS_PUBLISHED.get(self.task, _AS_PUBLISHED[CLICI_CT]).items():
            if getattr(self, name) in {PUBLISHED, AS_PUBLISHED}:
                object.__setattr__(self, name, value)


_AS_PUBLISHED: dict[str, dict[str, int | float | str]] = {
    CLICI_CT: {
        "network": "resnet18",
        "rounds": 50,
        "batch_size": 20,
        "learning_rate": 1e-4,
        "schedule": "halving",
        "optimizer": "adam",
        "weight_decay": 0.0,
        "loss": "softmax",
        "augmented_copies": 1,
        "patience": 10,
    },
    HAIC_MRI: {
        "network": "inception_v4",
        "rounds": 200,
        "batch_size": 1,
        "learning_rate": 0.01,
        "schedule": "plateau",
        "optimizer": "sgd",
        "weight_decay": 1e-4,
        "loss": "summed",
        "augmented_copies": 10,
        "patience": 0,
    },
}
"""What the two publications say, by task and field."""


# Smallest and largest permitted value; a training setting outside is a slip of the keyboard.
_RANGES: dict[str, tuple[float, float]] = {
    "image_size": (32, 1024),
    "image_height": (32, 1024),
    "image_width": (32, 1024),
    "network_width": (0.05, 4.0),
    "slices_per_patient": (0, 2000),
    "rounds": (1, 10_000),
    "local_epochs": (1, 1000),
    "batch_size": (1, 4096),
    "learning_rate": (1e-8, 10.0),
    "halve_every": (1, 100_000),
    "plateau_rounds": (1, 100_000),
    "momentum": (0.0, 0.999),
    "weight_decay": (0.0, 1.0),
    "augmented_copies": (1, 1000),
    "folds": (2, 20),
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
    "network": (PUBLISHED, *NETWORKS),
    "reading": READINGS,
    "schedule": (PUBLISHED, *SCHEDULES),
    "optimizer": (PUBLISHED, *OPTIMIZERS),
    "loss": (PUBLISHED, *LOSSES),
    "strategy": STRATEGIES,
}


_MOST_BLOCKS = 50


def key_of(name: str) -> str:
    """Give the run-config key of a field: ``image_size`` is ``image-size``."""
    return name.replace("_", "-")


def default_config() -> dict[str, ConfigValue]:
    """Give every run-config key with its default, as ``pyproject.toml`` must list them."""
    config: dict[str, ConfigValue] = {}
    for item in fields(RunSettings):
        value = item.default
        if isinstance(value, tuple):
            value = ",".join(map(str, value))
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
        elif name == "network_blocks":
            parsed = _blocks(str(value), problems)
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


def _blocks(text: str, problems: list[Problem]) -> tuple[int, int, int] | None:
    words = [word.strip() for word in text.split(",")]
    numbers = [int(word) for word in words if word.isdecimal() and 1 <= int(word) <= _MOST_BLOCKS]
    if len(numbers) != len(words) or len(numbers) != 3:  # noqa: PLR2004  # A, B and C blocks
        problems.append(
            Problem(
                "network-blocks",
                repr(text),
                f"three whole numbers from 1 to {_MOST_BLOCKS}, separated by commas",
                "Write 4,7,3 for the published network.",
            )
        )
        return None
    return numbers[0], numbers[1], numbers[2]


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
        published = name in _AS_PUBLISHED[CLICI_CT] and value == AS_PUBLISHED
        if not (published or low <= value <= high):  # also catches NaN
            problems.append(
                Problem(
                    key_of(name),
                    repr(value),
                    f"a value from {low:g} to {high:g}"
                    + (", or -1 for the published one" if name in _AS_PUBLISHED[CLICI_CT] else ""),
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
