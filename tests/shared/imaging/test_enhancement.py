"""The commonest soft-tissue value on the patient's right."""

import numpy as np
import pytest

from shared.imaging.enhancement import liver_peak_hu


def _belly(liver_hu, other_hu=30.0, noise_hu=12.0):
    rng = np.random.default_rng(0)
    rows, columns = np.indices((96, 96))
    body = ((rows - 48) / 36) ** 2 + ((columns - 48) / 44) ** 2 < 1
    liver = ((rows - 44) / 24) ** 2 + ((columns - 28) / 16) ** 2 < 1
    spleen = ((rows - 48) / 24) ** 2 + ((columns - 72) / 16) ** 2 < 1
    plane = np.where(body, other_hu, -1000.0)
    plane = np.where(liver, liver_hu, plane)
    plane = np.where(spleen, 140.0, plane)
    return (plane + rng.normal(0, noise_hu, (3, 96, 96))).astype(np.float32)


@pytest.mark.parametrize("liver_hu", [45.0, 70.0, 110.0])
def test_the_peak_is_the_livers_value_and_not_the_spleens(liver_hu):
    assert liver_peak_hu(_belly(liver_hu), 3.5) == pytest.approx(liver_hu, abs=4.0)


def test_air_alone_has_no_peak():
    assert liver_peak_hu(np.full((2, 64, 64), -1000.0, dtype=np.float32), 3.5) is None
