"""Which patients take part in one fold of a run, and when a site refuses to deal folds.

The run config names seed and number of folds once; a request with others is refused, because
other folds would divide the patients anew, and the difference of two divisions is a few patients.
"""

from collections.abc import Sequence

import numpy as np

from client.site_settings import SiteSettings
from shared.cohort.patient import PreparedPatient
from shared.errors import MessageError
from shared.fusion.cross_fitting import development_folds, patients_of_fold
from shared.privacy.disclosure_rules import refuse_small_parts, site_minimum
from shared.settings import HAIC_MRI, RunSettings


def refuse_other_folds(folds: int, seed: int, run: RunSettings) -> None:
    """Refuse a division into folds that the run config does not announce.

    Args:
        folds: What a request asks for.
        seed: What its folds are drawn by.
        run: The coordinator's settings.

    Raises:
        MessageError: If they differ from the run's.
    """
    announced = run.folds if run.task == HAIC_MRI else 0
    if folds != announced or (folds and seed != run.seed):
        raise MessageError(
            f"Expected {announced} folds drawn by the run's seed, got a request for {folds} folds "
            "or another seed. Run the same version everywhere."
        )


def patients_in_fold(
    patients: Sequence[PreparedPatient], fold: int, run: RunSettings, site: SiteSettings
) -> tuple[PreparedPatient, ...]:
    """Give the patients of one fold with the part they play in it.

    Updates and loss sums of two folds differ by whole folds, so a fold of a few patients would be
    what the difference tells of.

    Args:
        patients: All patients of the site, in the order of their case numbers.
        fold: k holds fold k out; 0 trains on all development patients.
        run: The coordinator's settings.
        site: The hospital's settings.

    Returns:
        The patients who take part.

    Raises:
        DisclosureError: If a fold holds fewer patients than the site's minimum.
        DataError: If there is no such fold.
    """
    if run.task != HAIC_MRI:
        return tuple(patients)
    minimum = site_minimum(site.minimum_count)
    if fold:
        folds = development_folds(patients, run.folds, run.seed, site.name)
        sizes = np.bincount(folds, minlength=run.folds + 1)[1:]
        # An empty fold is refused as well: there would be nobody to score.
        refuse_small_parts(np.maximum(sizes, 1), minimum)
    return patients_of_fold(patients, fold=fold, folds=run.folds, seed=run.seed, site=site.name)
