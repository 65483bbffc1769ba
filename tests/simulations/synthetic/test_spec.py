"""A specification that cannot be a cohort is refused with all its problems at once."""

import pytest

from shared.errors import SettingsError
from simulations.synthetic.spec import CohortSpec, SiteSpec, demo_spec, even_sites, published_spec


def test_every_problem_is_named():
    sites = (SiteSpec("a", 0, "siemens"), SiteSpec("a", 3, "hitachi"), SiteSpec("../b", 3, "ge"))
    with pytest.raises(SettingsError) as caught:
        CohortSpec(sites=sites, seed=-1, matrix=4)
    assert [problem.where for problem in caught.value.problems] == [
        "sites",
        "seed",
        "matrix",
        "site 1",
        "site 2",
        "site 3",
    ]


def test_sites_differ_in_name_scanner_and_prevalence():
    sites = even_sites(4, 30)
    assert [site.name for site in sites] == ["site-a", "site-b", "site-c", "site-d"]
    assert len({site.scanner for site in sites}) == 4
    assert len({site.log_odds_shift for site in sites}) == 4


def test_many_sites_keep_different_names():
    assert len({site.name for site in even_sites(60, 1)}) == 60


def test_digest_changes_with_anything_that_changes_bytes():
    assert demo_spec(1).digest() == demo_spec(1).digest()
    assert demo_spec(1).digest() != demo_spec(2).digest()
    assert demo_spec(1).digest() != demo_spec(1, sites=3).digest()


def test_published_images_have_the_papers_matrix_and_a_weaker_signal():
    assert published_spec(0).matrix == 512
    assert published_spec(0).effect_scale < demo_spec(0).effect_scale
