"""What a run showed and what it does not show, in sentences.

Every sentence follows from the run record by rule; none is filled in by hand. The event is always
named, because studies disagree on which class is the one counted.
"""

from shared.report.run_record import FEDERATED, POOLED_CENTRAL, Arm, RunRecord
from shared.report.wording import (
    bytes_text,
    duration_text,
    interval_text,
    listed,
    number_text,
    plural,
)

_FEW_EVENTS = 50  # below, an AUC interval is wider than about ±0.08 (Hanley and McNeil 1982)


def summary_sentences(record: RunRecord) -> tuple[str, ...]:
    """Say in a few sentences what was trained, how well it did, and beside what."""
    return tuple(
        sentence
        for sentence in (
            _what_was_done(record),
            _federated_result(record),
            _beside_baselines(record),
            _best_possible(record),
            _how_it_ran(record),
        )
        if sentence
    )


def limitation_sentences(record: RunRecord) -> tuple[str, ...]:
    """Say what the numbers do not prove."""
    said = ["Research use only. Nothing here supports the care of a patient."]
    if record.synthetic:
        said.append(
            "The patients are invented. The run shows that the method and the software work "
            "together, from DICOM files to the report; it says nothing about medicine."
        )
    federated = record.arm(FEDERATED)
    if federated is not None and federated.events is not None and federated.events < _FEW_EVENTS:
        said.append(
            f"Only {plural(federated.events, 'held-out patient')} had "
            f"{record.endpoint.event}: the intervals are wide, and one patient moves the "
            "sensitivity visibly."
        )
    if len(record.arms) > 1:
        said.append(
            "All arms are evaluated on the same patients, so overlapping intervals are no test of "
            "a difference between two arms."
        )
    if federated is not None and federated.sites:
        said.append(
            "Results of single sites rest on few patients and are shown to find a site that "
            "differs, not to rank sites."
        )
    if len(record.seeds) <= 1:
        said.append("One seed was run; another seed gives other numbers.")
    if record.overlays:
        said.append(
            "Heat maps show where the score is sensitive to the image. They do not prove that the "
            "model uses what a radiologist would, nor that it is right."
        )
    said.append(
        "The best round was chosen by inner-validation patients; the held-out patients took no "
        "part in training or in that choice. All sites of the evaluation also took part in "
        "training, so performance at a new hospital is not known."
    )
    return tuple(said)


def mean_site_alone(record: RunRecord) -> float | None:
    """Give the mean AUC of the sites that trained alone; None if any is unknown or none ran."""
    areas = [arm.auc.value for arm in record.arms_alone()]
    known = [area for area in areas if area is not None]
    return sum(known) / len(known) if known and len(known) == len(areas) else None


def _what_was_done(record: RunRecord) -> str:
    phases = tuple(str(record.settings.get("phases", "")).split(","))
    seen = f", reading the {listed(phases)} phase of CT" if phases != ("",) else ""
    if len(phases) > 1:
        seen = f", reading the {listed(phases)} phases of CT"
    invented = "synthetic " if record.synthetic else ""
    sites = plural(len(record.sites), "site")
    return (
        f"{sites} with {invented}patients trained one model together to tell "
        f"{record.endpoint.event} from {record.endpoint.no_event}{seen}; "
        "no image and no patient's record left a site."
    )


def _federated_result(record: RunRecord) -> str:
    arm = record.arm(FEDERATED)
    if arm is None or arm.auc.value is None:
        return "The federated model could not be evaluated on held-out patients."
    return (
        f"On {_held_out(arm, record)}, the federated model reached an AUC of "
        f"{interval_text(arm.auc)}."
    )


def _held_out(arm: Arm, record: RunRecord) -> str:
    if arm.patients is None:
        return "the held-out patients"
    counted = plural(arm.patients, "held-out patient")
    if arm.events is None:
        return counted
    return f"{counted}, {arm.events} with {record.endpoint.event}"


def _beside_baselines(record: RunRecord) -> str:
    parts: list[str] = []
    pooled = record.arm(POOLED_CENTRAL)
    if pooled is not None and pooled.auc.value is not None:
        parts.append(
            f"the same model trained on all patients in one place reached "
            f"{interval_text(pooled.auc)}"
        )
    mean = mean_site_alone(record)
    if mean is not None:
        areas = [arm.auc.value for arm in record.arms_alone() if arm.auc.value is not None]
        parts.append(
            f"sites training alone reached {number_text(mean)} on average "
            f"({number_text(min(areas))} to {number_text(max(areas))})"
        )
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _best_possible(record: RunRecord) -> str:
    if record.bayes_auc is None:
        return ""
    return (
        f"How the invented patients respond is known, so the best AUC that any model could reach "
        f"on average is known too: {number_text(record.bayes_auc)}."
    )


def _how_it_ran(record: RunRecord) -> str:
    if not record.rounds:
        return "No round was completed."
    moved = sum(r.bytes_sent + r.bytes_received for r in record.rounds)
    kept = f" The weights of round {record.best_round} were kept." if record.best_round else ""
    failed = [r.round for r in record.rounds if r.failed_sites]
    missed = f" In {plural(len(failed), 'round')} a site did not contribute." if failed else ""
    return (
        f"Training took {plural(len(record.rounds), 'round')} in "
        f"{duration_text(sum(r.seconds for r in record.rounds))} and moved {bytes_text(moved)}."
        f"{kept}{missed}"
    )
