"""The normalisation layer as a parameter: batch norm as published, or group norm."""

import math
from collections.abc import Callable

from torch import nn

from shared.errors import SettingsError
from shared.settings import NORMS

_MOST_GROUPS = 32  # Wu & He 2018, "Group Normalization", Table 3: best with ResNet


def _group_norm(channels: int) -> nn.Module:
    # The greatest common divisor keeps 32 groups wherever the width allows them, and is what
    # Opacus' own converter chooses, so both roads to group norm give the same network.
    return nn.GroupNorm(math.gcd(_MOST_GROUPS, channels), channels)


def norm_layer(name: str) -> Callable[[int], nn.Module]:
    """Give the factory of a normalisation layer.

    Batch norm computes with the other slices of the batch, so one slice's gradient cannot be
    told from its neighbours': differentially private training needs ``group``.

    Args:
        name: ``batch`` (Liao 2024, section 2.4) or ``group`` (Wu & He 2018).

    Returns:
        A function from a number of channels to a layer.

    Raises:
        SettingsError: When the name is neither.
    """
    if name == "batch":
        return nn.BatchNorm2d
    if name == "group":
        return _group_norm
    raise SettingsError(
        f"Expected a norm layer of {', '.join(NORMS)}, got {name!r}. Correct 'norm'."
    )
