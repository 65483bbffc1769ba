"""What a training step and an evaluation cost: by size, norm, memory layout and device.

Run from the repository's root, each line of the table in a process of its own, because peak
memory never falls within one::

    python benchmarks/training_step.py              # demo size
    python benchmarks/training_step.py --published  # 3 x 224 x 224, batch 20, as Liao 2024
    python benchmarks/training_step.py --study haic --published  # 5 x 320 x 450, as Quan 2024
    python benchmarks/training_step.py --json
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from mri_training_step import MriCase, MriCost, measure_mri, mri_cases, mri_line

from shared.imaging.augment import draw_augmentation
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.training.augmentation import apply_augmentation

_PHASES = 3
_KIBIBYTE = 1024  # getrusage counts in KiB on Linux


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        size: Side of a slice, pixels.
        batch: Slices per step.
        norm: ``batch`` or ``group``.
        device: ``cpu`` or ``cuda``.
        channels_last: Memory layout of the weights.
        bfloat16: Whether the forward pass is autocast.
        compiled: Whether ``torch.compile`` is used.
        threads: CPU threads.
        steps: Timed steps, after one that is not timed.
    """

    size: int
    batch: int = 20
    norm: str = "batch"
    device: str = "cpu"
    channels_last: bool = False
    bfloat16: bool = False
    compiled: bool = False
    threads: int = 1
    steps: int = 3


@dataclass(frozen=True)
class Cost:
    """What a case took.

    Attributes:
        step_seconds: One training step: CPU seconds on a CPU, wall seconds on a GPU.
        augmentation_seconds: Of that, drawing and applying the augmentation.
        evaluation_seconds: Scoring one batch.
        peak_memory_mb: Peak resident memory of the process; on a GPU peak device memory.
    """

    step_seconds: float
    augmentation_seconds: float
    evaluation_seconds: float
    peak_memory_mb: float


def _timed(case: Case, act: Callable[[], None]) -> float:
    act()
    on_gpu = case.device == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    if on_gpu:
        torch.cuda.synchronize()
    started = clock()
    for _ in range(case.steps):
        act()
    if on_gpu:
        torch.cuda.synchronize()
    return (clock() - started) / case.steps


def measure(case: Case) -> Cost:
    """Measure a case in this process."""
    torch.set_num_threads(case.threads)
    device = torch.device(case.device)
    network = MultiphaseCt(MultiphaseCtSettings(norm=case.norm)).to(device)
    if case.channels_last:
        network.to(memory_format=torch.channels_last)
    forward = torch.compile(network) if case.compiled else network
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    rng = np.random.default_rng(0)
    images = torch.rand(case.batch, _PHASES, case.size, case.size, device=device)
    events = torch.arange(case.batch, device=device) % 2

    def augment() -> torch.Tensor:
        return apply_augmentation(images, draw_augmentation(rng, case.batch))

    def only_augment() -> None:
        augment()

    def step() -> None:
        with torch.autocast(case.device, dtype=torch.bfloat16, enabled=case.bfloat16):
            logits = forward(augment())
        adam.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(logits.float(), events)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
        adam.step()

    def evaluate() -> None:
        with torch.inference_mode():
            forward(images)

    network.train()
    step_seconds = _timed(case, step)
    augmentation_seconds = _timed(case, only_augment)
    network.eval()
    evaluation_seconds = _timed(case, evaluate)
    peak = (
        torch.cuda.max_memory_allocated() / _KIBIBYTE**2
        if case.device == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTE
    )
    return Cost(step_seconds, augmentation_seconds, evaluation_seconds, peak)


def cases(size: int, threads: int, steps: int) -> list[Case]:
    """List what is compared at one size."""
    plain = Case(size, threads=threads, steps=steps)
    listed = [plain, replace(plain, channels_last=True), replace(plain, norm="group")]
    if torch.cuda.is_available():
        on_gpu = replace(plain, device="cuda")
        layout = replace(on_gpu, channels_last=True)
        mixed = replace(layout, bfloat16=True)
        listed += [on_gpu, layout, mixed, replace(mixed, compiled=True)]
    return listed


def _in_own_process(study: str, case: Case | MriCase) -> dict[str, float]:
    command = [sys.executable, __file__, "--study", study, "--one", json.dumps(asdict(case))]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    cost: dict[str, float] = json.loads(answer.stdout)
    return cost


def _compare_mri(chosen: argparse.Namespace) -> None:
    if not chosen.json:
        print(f"torch {torch.__version__}, {chosen.threads} CPU thread(s), one slice, seconds, MB")
        print(f"{'size':>8}    where{'':<40}    step  ratio     eval  ratio   memory  with eval")
    references: dict[str, MriCost] = {}
    for case in mri_cases(published=chosen.published, threads=chosen.threads, steps=chosen.steps):
        cost = MriCost(**_in_own_process("haic", case))
        reference = references.setdefault(case.device, cost)
        record = json.dumps(asdict(case) | asdict(cost))
        print(record if chosen.json else mri_line(case, cost, reference), flush=True)
    if "cuda" not in references:
        print("No CUDA device is here; bf16, channels-last and torch.compile on one were skipped.")


def _line(case: Case, cost: Cost) -> str:
    options = [
        name
        for name, chosen in (
            ("channels-last", case.channels_last),
            ("bf16", case.bfloat16),
            ("compiled", case.compiled),
        )
        if chosen
    ]
    return (
        f"{case.size:>5} {case.norm:<6} {case.device:<5} {', '.join(options) or 'plain':<30} "
        f"{cost.step_seconds:>8.3f} {cost.augmentation_seconds:>8.3f} "
        f"{cost.evaluation_seconds:>8.3f} {cost.peak_memory_mb:>8.0f}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--study", choices=("clici", "haic"), default="clici")
    parser.add_argument("--published", action="store_true", help="the size in the publication")
    parser.add_argument("--size", type=int, help="side of a CT slice, pixels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON record per case")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        fields = json.loads(chosen.one)
        mri = chosen.study == "haic"
        cost = measure_mri(MriCase(**fields)) if mri else measure(Case(**fields))
        print(json.dumps(asdict(cost)))
        return
    if chosen.study == "haic":
        _compare_mri(chosen)
        return
    size = chosen.size or (224 if chosen.published else 64)
    if not chosen.json:
        print(f"torch {torch.__version__}, {chosen.threads} CPU thread(s), batch 20, seconds, MB")
        print(
            " size norm   where options                            step  augment     eval   memory"
        )
    for case in cases(size, chosen.threads, chosen.steps):
        cost = Cost(**_in_own_process("clici", case))
        print(json.dumps(asdict(case) | asdict(cost)) if chosen.json else _line(case, cost))


if __name__ == "__main__":
    main()
