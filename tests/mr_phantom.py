"""An MR-like abdomen of few tissues, shown by scanners of different gain and contrast."""

import numpy as np
from scipy import ndimage

SHAPE = (20, 48, 64)
LIVER, SPLEEN, FAT, MUSCLE = 1, 2, 3, 4


def tissues() -> np.ndarray:
    z, y, x = np.indices(SHAPE).astype(float)
    body = ((x - 31.5) / 29) ** 2 + ((y - 23.5) / 20) ** 2 < 1
    labels = np.where(body, MUSCLE, 0)
    labels[body & ~ndimage.binary_erosion(body, iterations=3)] = FAT
    liver = ((x - 20) / 12) ** 2 + ((y - 22) / 11) ** 2 + ((z - 10) / 9) ** 2 < 1
    spleen = ((x - 50) / 6) ** 2 + ((y - 28) / 7) ** 2 + ((z - 11) / 6) ** 2 < 1
    labels[liver & body], labels[spleen & body] = LIVER, SPLEEN
    return labels


def volume(rng, *, liver=1.0, gain=1.0, offset=0.0, gamma=1.0) -> np.ndarray:
    """Show the abdomen with a liver of relative brightness ``liver``."""
    bright = {LIVER: 300.0 * liver, SPLEEN: 220.0, FAT: 420.0, MUSCLE: 160.0, 0: 0.0}
    clean = np.vectorize(bright.get)(tissues()).astype(float)
    shown = 500.0 * (np.clip(clean, 0, None) / 500.0) ** gamma
    noisy = np.hypot(gain * shown + rng.normal(0, 8 * gain, SHAPE), rng.normal(0, 8 * gain, SHAPE))
    return (noisy + offset).astype(np.float32)
