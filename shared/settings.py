"""The coordinator's run config: Flower's flat key-value table parsed once into a frozen value.

Keys are kebab-case, as Flower writes them. ``pyproject.toml`` under ``[tool.flwr.app.config]``
carries every key with its default; a test holds the two equal. All problems of a config are
reported at once.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches

from shared.config_values import (
    PHASE_NAMES,
    ConfigValue,
    key_of,
    parse_blocks,
    parse_phases,
    parse_scalar,
)
from shared.errors import Problem, SettingsError
from shared.published_values import (
    AS_PUBLISHED,
    CLICI_CT,
    CLINICAL_STATISTICS,
    HAIC_MRI,
    LOSSES,
    NETWORKS,
    NORMS,
    OPTIMIZERS,
    PUBLISHED,
    PUBLISHED_VALUES,
    READINGS,
    SCHEDULES,
    STRATEGIES,
    TASKS,
)
from shared.vocabulary import CtPhase

__all__ = [
    "AS_PUBLISHED",
    "CLICI_CT",
    "CLINICAL_STATISTICS",
    "HAIC_MRI",
    "LOSSES",
    "NETWORKS",
    "NORMS",
    "OPTIMIZERS",
    "PHASE_NAMES",
    "PUBLISHED",
    "READINGS",
    "SCHEDULES",
    "STRATEGIES",
    "TASKS",
    "ConfigValue",
    "RunSettings",
    "default_config",
    "key_of",
    "parse_run_settings",
]


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
        learning_rate: In the first round (Liao 2024: 1e-4; Quan 2024: 0.01, for one slice per step;
            with SGD it goes with the batch size, 0.08 for eight).
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
        pretrained_weights: Safetensors file on the server with the weights of ``network``
            (``shared.training.pretrained``); empty starts from random weights.
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
        for name, value in PUBLISHED_VALUES.get(self.task, PUBLISHED_VALUES[CLICI_CT]).items():
            if getattr(self, name) in {PUBLISHED, AS_PUBLISHED}:
                object.__setattr__(self, name, value)


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
            parsed: object = parse_phases(str(value))
        elif name == "network_blocks":
            parsed = parse_blocks(str(value))
        else:
            parsed = parse_scalar(name, value, type(names[key].default))
        if isinstance(parsed, Problem):
            problems.append(parsed)
        else:
            values[name] = parsed
    if problems:
        raise SettingsError("The run config cannot be used.", problems)
    return RunSettings(**values)  # type: ignore[arg-type]  # each value was checked against its field


def _closest(key: str, names: Mapping[str, object]) -> str:
    near = get_close_matches(key, names, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(sorted(names))}."
