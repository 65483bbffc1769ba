"""Which study a cohort is for, and how it is run."""

from collections.abc import Mapping
from pathlib import Path

from shared.errors import SettingsError
from shared.settings import CLICI_CT, CLINICAL_STATISTICS, HAIC_MRI, ConfigValue
from simulations.demo import DEMO_SETTINGS
from simulations.haic.candidates import compare_networks as train_candidates
from simulations.haic.demo import HAIC_DEMO_SETTINGS
from simulations.haic.invention import invented_cohort
from simulations.haic.study import HaicStudyResult, run_haic_study
from simulations.study import StudyPlan, StudyResult, find_sites, run_study


def preset_settings(
    cohort: Path, task: ConfigValue | None, *, demo: bool
) -> Mapping[str, ConfigValue]:
    """Give the settings that a simulated study starts from.

    Args:
        cohort: Folder of the sites; an invented one says which study it is for.
        task: What the researcher chose; None leaves it to the cohort, and is CT where that does
            not say.
        demo: Whether to start from the demonstration's settings instead of the published ones.

    Returns:
        Settings by key.
    """
    if task is None:
        task = CLICI_CT if invented_cohort(cohort) is None else HAIC_MRI
    if not demo:
        return {"task": task}
    return HAIC_DEMO_SETTINGS if task == HAIC_MRI else {**DEMO_SETTINGS, "task": task}


def run_any_study(
    plan: StudyPlan, *, compare_networks: bool = False
) -> StudyResult | HaicStudyResult:
    """Run the study that the settings name.

    Args:
        plan: What to run.
        compare_networks: Of a study on MRI, whether its candidate networks are trained as well;
            their losses are part of the report.

    Returns:
        Where the results are.

    Raises:
        SettingsError: If the task has no images, or networks of CT are to be compared.
        HepafedError: What any step refuses.
    """
    task = plan.settings.task
    if task == CLINICAL_STATISTICS:
        raise SettingsError(
            f"Expected a study on images, got the task '{task}'. "
            "Use 'hepafed stats' for clinical tables."
        )
    if task == HAIC_MRI:
        if compare_networks:
            train_candidates(find_sites(plan.cohort), plan.settings, plan.run_dir)
        return run_haic_study(plan)
    if compare_networks:
        raise SettingsError(
            f"Expected a study on MRI to compare networks, got the task '{task}'. "
            "Leave out --compare-networks."
        )
    return run_study(plan)
