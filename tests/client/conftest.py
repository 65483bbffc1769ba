import pytest

from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, even_sites


@pytest.fixture(scope="session")
def site_file(tmp_path_factory):
    """The settings file of one small site with 30 patients, not prepared yet."""
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(
        CohortSpec(sites=even_sites(1, 30), seed=5, matrix=64, slices=8),
        folder,
        workers=1,
        progress=None,
    )
    return folder / "site-a" / "site.toml"
