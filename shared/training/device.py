"""Where the network computes, and how: in which layout and in which precision."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from shared.errors import DeviceError
from shared.models.mri_scores import MriScores


def _next_step(asked: str) -> str:
    return (
        f"Check that 'nvidia-smi' lists the GPU and that torch {torch.__version__} supports its "
        f"driver, or set the device to 'cpu' instead of '{asked}'."
    )


def choose_device(name: str = "auto") -> torch.device:
    """Turn a device setting into a device that works.

    ``auto`` takes the first GPU, or the CPU where the machine shows no GPU. A GPU that is there
    but does not compute is an error under ``auto`` too: training a hundred times slower without
    a word would be worse.

    Args:
        name: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Returns:
        The device.

    Raises:
        DeviceError: When the word is unknown, or the GPU is missing or fails a small sum.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if name != "auto" and (kind != "cuda" or (":" in name and not number.isdecimal())):
        raise DeviceError(
            f"Expected a device of auto, cpu, cuda or cuda:N, got {name!r}. Correct 'device'."
        )
    if not torch.cuda.is_available():
        raise DeviceError(f"Expected a usable GPU, found none. {_next_step(name)}")
    device = torch.device("cuda" if name == "auto" else name)
    try:
        torch.ones(2, device=device).sum().item()
    except RuntimeError as error:
        raise DeviceError(
            f"Expected a GPU that computes, but '{device}' failed with "
            f"{type(error).__name__}. {_next_step(name)}"
        ) from error
    return device


def place(network: nn.Module, device: torch.device) -> None:
    """Move a network to the device, in the memory layout that is fastest there.

    On a CPU the MRI networks too take channels-last, which makes InceptionV4 a fifth to a third
    faster to evaluate (``benchmarks/README.md``); the CT networks keep their layout, as their
    results are pinned to the last bit.

    Args:
        network: Moved in place.
        device: Where to.
    """
    if device.type == "cuda" or isinstance(network, MriScores):
        network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks this pair
    else:
        network.to(device)


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """Give the context of a training step's forward pass: bfloat16 where a GPU is built for it.

    Args:
        device: Where the step runs. GPUs that only emulate bfloat16 (before Ampere) and CPUs
            compute in float32; emulation is slower than what it replaces.

    Returns:
        A context manager.
    """
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def scoring_precision(device: torch.device) -> Iterator[None]:
    """Compute without gradients in full float32, so that every machine gives the same score.

    On a GPU convolutions round to TF32 unless told otherwise (about three decimal digits), and
    the fastest algorithm may differ from batch to batch.

    Args:
        device: Where the network runs.
    """
    exact: AbstractContextManager[object] = nullcontext()
    if device.type == "cuda":
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
    with torch.inference_mode(), exact:
        yield
