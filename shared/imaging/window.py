"""Map Hounsfield units through a window to [0, 1]."""

import numpy as np
from jaxtyping import Float32

from shared.errors import PreparationError


def apply_window(
    values_hu: Float32[np.ndarray, "..."], level_hu: float, width_hu: float
) -> Float32[np.ndarray, "..."]:
    """Clip to [level - width/2, level + width/2] and scale to [0, 1].

    Liao 2024, section 2.3: width 400, "window position" 0, which is read as [-200, 200] HU.

    Args:
        values_hu: Hounsfield units.
        level_hu: Centre of the window.
        width_hu: Its width, above 0.

    Returns:
        A new array in [0, 1].

    Raises:
        PreparationError: If the width is not above 0.
    """
    if not width_hu > 0:
        raise PreparationError(
            f"Expected a window width above 0 HU, got {width_hu:g}. Correct the preparation."
        )
    scaled = (values_hu - np.float32(level_hu - width_hu / 2)) / np.float32(width_hu)
    return np.clip(scaled, 0.0, 1.0, out=scaled)
