"""What a step on one MRI slice costs, beside a plain torch loop on the same network."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from shared.cohort.patient import PreparedPatient
from shared.models.mri_scores import MriScores, MriScoresSettings
from shared.training.batch_renormalization import measure_statistics
from shared.training.inference import validation_loss
from shared.training.loop import train_locally
from shared.training.losses import class_logits, cross_entropy, minimised
from shared.training.training_settings import Augmentation, Loss, Optimizer, TrainingSettings
from shared.vocabulary import Split

_KIBIBYTE = 1024  # getrusage counts in KiB on Linux
_LEARNING_RATE = 0.01
_DECAY = 1e-4
_DEMO = (80, 112, 0.25, (1, 1, 1))
_PUBLISHED = (320, 450, 1.0, (4, 7, 3))


@dataclass(frozen=True)
class MriCase:
    """One line of the table: five sequences, shared reading, one slice per step.

    Attributes:
        height: Of a slice, pixels.
        width: Of a slice, pixels.
        filters: Share of InceptionV4's filters.
        blocks: InceptionV4's A, B and C blocks.
        ours: Through ``train_locally`` and ``validation_loss``, with augmentation and batch
            renormalisation; otherwise the plain loop, without either.
        device: ``cpu`` or ``cuda``.
        channels_last: Memory layout of the plain loop's weights; ours chooses its own.
        bfloat16: Whether the plain loop's forward pass is autocast.
        compiled: Whether the plain loop uses ``torch.compile``.
        threads: CPU threads.
        steps: Timed steps, after one that is not timed.
    """

    height: int
    width: int
    filters: float
    blocks: tuple[int, int, int]
    ours: bool = False
    device: str = "cpu"
    channels_last: bool = False
    bfloat16: bool = False
    compiled: bool = False
    threads: int = 1
    steps: int = 3


@dataclass(frozen=True)
class MriCost:
    """What a case took; CPU seconds on a CPU, wall seconds on a GPU.

    Attributes:
        step_seconds: Of one training step.
        evaluation_seconds: Of scoring one slice.
        training_memory_mb: Peak memory after training.
        peak_memory_mb: Peak memory after evaluation too.
    """

    step_seconds: float
    evaluation_seconds: float
    training_memory_mb: float
    peak_memory_mb: float


def mri_cases(*, published: bool, threads: int, steps: int) -> list[MriCase]:
    """List what is compared at one size."""
    plain = MriCase(*(_PUBLISHED if published else _DEMO), threads=threads, steps=steps)
    listed = [plain, replace(plain, channels_last=True), replace(plain, ours=True)]
    if torch.cuda.is_available():
        on_gpu = replace(plain, device="cuda")
        layout = replace(on_gpu, channels_last=True)
        mixed = replace(layout, bfloat16=True)
        compiled = replace(mixed, compiled=True)
        listed += [on_gpu, layout, mixed, compiled, replace(on_gpu, ours=True)]
    return listed


def _peak_mb(case: MriCase) -> float:
    if case.device == "cuda":
        return torch.cuda.max_memory_allocated() / _KIBIBYTE**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTE


def _seconds(case: MriCase, act: Callable[[], object]) -> float:
    on_gpu = case.device == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    if on_gpu:
        torch.cuda.synchronize()
    started = clock()
    act()
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - started


def _patient(case: MriCase, slices: int) -> PreparedPatient:
    shape = (slices, 5, case.height, case.width)
    images = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return PreparedPatient(1, event=True, split=Split.TRAINING, images=images)


def _measure_ours(case: MriCase, network: MriScores, device: torch.device) -> MriCost:
    settings = TrainingSettings(
        batch_size=1,
        augmentation=Augmentation.GEOMETRIC,
        optimizer=Optimizer.SGD,
        weight_decay=_DECAY,
        loss=Loss.SUMMED,
    )
    # A fresh network would first be measured, once in a run.
    network.to(device)
    measure_statistics(network, [torch.from_numpy(_patient(case, 1).images).to(device)])

    def train(slices: int) -> None:
        train_locally(
            network,
            [_patient(case, slices)],
            settings,
            epochs=1,
            learning_rate=_LEARNING_RATE,
            rng=np.random.default_rng(0),
            device=device,
        )

    train(1)
    step = _seconds(case, lambda: train(case.steps)) / case.steps
    trained = _peak_mb(case)
    validation_loss(network, [_patient(case, 1)], device)
    patient = _patient(case, case.steps)
    evaluation = _seconds(case, lambda: validation_loss(network, [patient], device)) / case.steps
    return MriCost(step, evaluation, trained, _peak_mb(case))


def _measure_plain(case: MriCase, network: MriScores, device: torch.device) -> MriCost:
    network.to(device)
    if case.channels_last:
        network.to(memory_format=torch.channels_last)
    if case.compiled:
        network.compile()
    sgd = torch.optim.SGD(network.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY, fused=True)
    slices = torch.from_numpy(_patient(case, case.steps).images).to(device)
    event = torch.ones(1, dtype=torch.int64, device=device)

    def train(count: int) -> None:
        network.train()
        for number in range(count):
            with torch.autocast(case.device, dtype=torch.bfloat16, enabled=case.bfloat16):
                logits = class_logits(network, slices[number : number + 1])
            sgd.zero_grad(set_to_none=True)
            loss = minimised(cross_entropy(logits, event), Loss.SUMMED)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
            sgd.step()

    def evaluate(count: int) -> None:
        network.eval()
        with torch.inference_mode():
            for number in range(count):
                class_logits(network, slices[number : number + 1])

    train(1)
    step = _seconds(case, lambda: train(case.steps)) / case.steps
    trained = _peak_mb(case)
    evaluate(1)
    evaluation = _seconds(case, lambda: evaluate(case.steps)) / case.steps
    return MriCost(step, evaluation, trained, _peak_mb(case))


def measure_mri(case: MriCase) -> MriCost:
    """Measure a case in this process."""
    torch.set_num_threads(case.threads)
    torch.manual_seed(0)
    network = MriScores(MriScoresSettings(width=case.filters, blocks=case.blocks))
    device = torch.device(case.device)
    return (_measure_ours if case.ours else _measure_plain)(case, network, device)


def mri_line(case: MriCase, cost: MriCost, reference: MriCost) -> str:
    """Write one line of the table; ratios refer to the plain loop on the same device."""
    options = ["ours"] if case.ours else ["plain loop"]
    options += [
        name
        for name, chosen in (
            ("channels-last", case.channels_last),
            ("bf16", case.bfloat16),
            ("compiled", case.compiled),
        )
        if chosen
    ]
    return (
        f"{case.height:>4} x {case.width:<4} {case.device:<5} {', '.join(options):<38} "
        f"{cost.step_seconds:>8.3f} {cost.step_seconds / reference.step_seconds:>6.2f} "
        f"{cost.evaluation_seconds:>8.3f} "
        f"{cost.evaluation_seconds / reference.evaluation_seconds:>6.2f} "
        f"{cost.training_memory_mb:>8.0f} {cost.peak_memory_mb:>8.0f}"
    )
