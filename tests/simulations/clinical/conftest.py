"""An invented cohort of 127 patients, and its statistics over three sites."""

import numpy as np
import pytest

from client.clinical_file import read_clinical_csv
from simulations.clinical.study import Choices, compute_statistics
from simulations.synthetic.clinical import draw_clinical_rows, write_clinical_csv


@pytest.fixture(scope="session")
def cohort_csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("clinical") / "cohort.csv"
    rows = draw_clinical_rows(127, ["north", "south", "east"], np.random.default_rng(1))
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_clinical_csv(rows, stream)
    return path


@pytest.fixture(scope="session")
def cohort(cohort_csv):
    return read_clinical_csv(cohort_csv)


@pytest.fixture(scope="session")
def full(cohort):
    """Everything, the clinical models included, over the three sites of the file."""
    return compute_statistics(cohort, Choices(seed=2))
