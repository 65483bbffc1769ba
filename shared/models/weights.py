"""A network's weights as named float32 arrays and back: what travels and what is released."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from shared.errors import MessageError, Problem


def _travelling(module: nn.Module) -> dict[str, Tensor]:
    # Integer buffers (batch norm's count of batches) cannot be averaged and serve nothing at a
    # fixed momentum, so they never travel; running means and variances do.
    return {
        name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()
    }


def to_arrays(module: nn.Module) -> dict[str, np.ndarray]:
    """Copy the weights out of a network.

    Args:
        module: On any device.

    Returns:
        Parameter and buffer names to float32 arrays that share no memory with the network.
    """
    return {
        name: np.array(tensor.detach().cpu().numpy(), dtype=np.float32, order="C")
        for name, tensor in _travelling(module).items()
    }


def _problem_with(name: str, array: np.ndarray, tensor: Tensor) -> Problem | None:
    if array.dtype != np.float32:
        return Problem(name, f"{array.dtype}", "float32", "Send what to_arrays gives.")
    if array.shape != tuple(tensor.shape):
        return Problem(
            name,
            f"shape {array.shape}",
            f"shape {tuple(tensor.shape)}",
            "Check that both sides build the network from the same settings.",
        )
    bad = int(array.size - np.count_nonzero(np.isfinite(array)))
    if bad:
        return Problem(
            name, f"{bad} that are not", "finite values", "Lower the learning rate and train again."
        )
    return None


def load_arrays(module: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights into a network; either all of them or, on any problem, none.

    Args:
        module: Changed in place; keeps its device and memory layout.
        weights: Exactly the names and shapes that ``to_arrays`` gives for the same network.

    Raises:
        MessageError: With one problem per missing or unknown name, wrong type, wrong shape and
            array with values that are not finite.
    """
    wanted = _travelling(module)
    problems = [
        Problem(name, "nothing", "an array", "Send every weight of the network.")
        for name in wanted
        if name not in weights
    ]
    problems += [
        Problem(
            name,
            "an unknown name",
            "a weight of this network",
            "Check that both sides build the network from the same settings.",
        )
        for name in weights
        if name not in wanted
    ]
    for name, array in weights.items():
        problem = _problem_with(name, array, wanted[name]) if name in wanted else None
        if problem is not None:
            problems.append(problem)
    if problems:
        raise MessageError("The weights do not fit this network.", problems)
    with torch.no_grad():
        for name, tensor in wanted.items():
            # Arrays read from a message or a file may be read-only, which torch warns about.
            tensor.copy_(torch.from_numpy(np.require(weights[name], requirements=["C", "W"])))
