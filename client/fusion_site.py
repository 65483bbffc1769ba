"""A site's patients who have both images and a clinical row, for the study that joins the two.

Nothing is made up for a patient who lacks one of them: the patient is left out and named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from client.clinical_join import ClinicalPatients, clinical_patients
from client.data_report import write_data_report
from client.dataset import patients_of
from client.manifest import read_manifest
from client.site_preparation import ClinicJoin, SitePreparation, by_case, prepare_site
from client.site_settings import SiteSettings
from shared.cohort.endpoint import Endpoint
from shared.cohort.patient import PreparedPatient
from shared.errors import Level, Problem
from shared.fusion.cross_fitting import development_folds
from shared.messages.moments import SiteColumns
from shared.settings import RunSettings
from shared.tasks.preparation_settings import Preparation
from shared.vocabulary import Split


@dataclass(frozen=True)
class FusionSite:
    """A site's patients for a run on images and clinic.

    Attributes:
        patients: Patients with both, by case number; images are read-only.
        columns: Their clinical columns and readers' calls, in the same order; NaN is missing.
        problems: Excluded patients and notices, by case number.
        excluded: Rows of the manifest, and clinical rows without one, that could not be used.
    """

    patients: tuple[PreparedPatient, ...]
    columns: SiteColumns
    problems: tuple[Problem, ...]
    excluded: int


def open_fusion_site(
    site: SiteSettings,
    run: RunSettings,
    preparation: Preparation,
    endpoint: Endpoint,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> FusionSite:
    """Prepare a site's images, or take them from the cache, and join the clinical table.

    Args:
        site: The hospital's settings; without a clinical file the manifest holds its columns.
        run: The coordinator's settings: seed, split fractions, folds.
        preparation: What the network expects.
        endpoint: Which responses count as the event.
        workers: Processes that decode DICOM; 1 works in this one.
        progress: Called with patients done and patients in all.

    Returns:
        Patients with splits and columns, and everything that was wrong. The same is written to
        ``data_report.json`` in the work folder.

    Raises:
        ManifestError: If the manifest or the clinical file is no table of patients.
        SettingsError: If there is no clinical table, or the cache's key cannot be used.
        DataError: If no patient is usable or all have the same outcome.
    """
    clinic = clinical_patients(site, read_manifest(site.manifest))
    prepared = prepare_site(site, preparation, workers=workers, progress=progress)
    return fusion_patients(with_clinic(prepared, clinic), clinic, site, run, endpoint)


def with_clinic(prepared: SitePreparation, clinic: ClinicalPatients) -> SitePreparation:
    """Keep the prepared patients who have a clinical row, and add what is wrong with the others.

    Args:
        prepared: From ``prepare_site``.
        clinic: From ``clinical_patients``, of the same manifest.
    """
    known = frozenset(clinic.cases)
    return replace(
        prepared,
        usable=tuple(case for case in prepared.usable if case.row.case in known),
        clinic=ClinicJoin(len(prepared.usable), clinic.unmatched, clinic.problems),
        problems=by_case((*prepared.problems, *clinic.problems)),
    )


def fusion_patients(
    prepared: SitePreparation,
    clinic: ClinicalPatients,
    site: SiteSettings,
    run: RunSettings,
    endpoint: Endpoint,
) -> FusionSite:
    """Give patients with images and clinic their outcome, split and columns.

    Args:
        prepared: From ``with_clinic``.
        clinic: From ``clinical_patients``.
        site: The hospital's settings.
        run: The coordinator's settings: seed, split fractions, folds.
        endpoint: Which responses count as the event.

    Returns:
        The patients.

    Raises:
        DataError: If no patient is usable or all have the same outcome.
    """
    data = patients_of(prepared, site, run, endpoint)
    place = {case: number for number, case in enumerate(clinic.cases)}
    chosen = np.array([place[patient.case] for patient in data.patients], dtype=np.int64)
    problems = (*data.problems, *class_problems(data.patients, run, site.name, endpoint))
    write_data_report(site.work, problems, len(data.patients), prepared.excluded)
    return FusionSite(
        patients=data.patients,
        columns={name: values[chosen] for name, values in clinic.columns.items()},
        problems=problems,
        excluded=prepared.excluded,
    )


def class_problems(
    patients: Sequence[PreparedPatient], run: RunSettings, site: str, endpoint: Endpoint
) -> list[Problem]:
    """Warn where folds or held-out patients of this site all have the same outcome.

    Such a site still takes part: trainings, sums and thresholds are about all sites together. What
    is about it alone then has one class: a fold on which the round is chosen, its own AUC.

    Args:
        patients: Of the site, with their splits.
        run: Its folds and seed.
        site: Its name, from which the folds follow.
        endpoint: The outcome.

    Returns:
        At most one warning per outcome for the folds, and one for the held-out patients.
    """
    problems: list[Problem] = []
    folds = development_folds(patients, run.folds, run.seed, site)
    events = np.array([patient.event for patient in patients], dtype=np.bool_)
    for happened, outcome in ((True, endpoint.event), (False, endpoint.no_event)):
        have = folds[(folds > 0) & (events == happened)]
        empty = run.folds - len(set(have.tolist()))
        if empty:
            problems.append(
                Problem(
                    f"development patients with {outcome}",
                    f"{have.size}, so that {empty} of {run.folds} folds have none",
                    f"at least {run.folds}, one for every fold",
                    "The site can take part, since other sites fill the folds. For folds with "
                    f"both outcomes here, add {run.folds - have.size} such patients or agree on "
                    "fewer folds.",
                    Level.WARNING,
                )
            )
    held_out = {patient.event for patient in patients if patient.split is Split.HELD_OUT}
    if len(held_out) == 1:
        only = endpoint.event if held_out.pop() else endpoint.no_event
        problems.append(
            Problem(
                "held-out patients",
                f"only patients with {only}",
                "both outcomes",
                "The site can take part, but has no AUC of its own. Add held-out patients with "
                "the other outcome, in the manifest's column split or by adding patients.",
                Level.WARNING,
            )
        )
    return problems
