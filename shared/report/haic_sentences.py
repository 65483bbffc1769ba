"""What a run on MRI and clinic showed and what it does not show, in sentences.

Every sentence follows from the record by rule; none is filled in by hand. The event is always
named, because studies disagree on which class is the one counted.
"""

from collections.abc import Sequence

from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY, ModelResult
from shared.report.haic_record import HaicRecord
from shared.report.haic_words import model_title
from shared.report.run_record import FEDERATED, POOLED_CENTRAL
from shared.report.wording import (
    bytes_text,
    duration_text,
    interval_text,
    listed,
    number_text,
    p_text,
    plural,
)
from shared.vocabulary import MriSequence

_FEW_EVENTS = 50  # below, an AUC interval is wider than about ±0.08 (Hanley and McNeil 1982)
_PER_FEATURE = 10  # events per feature that a regression is usually asked to have (Peduzzi 1996)


def haic_summary(record: HaicRecord) -> tuple[str, ...]:
    """Say in a few sentences what was trained, how well it did, and beside what."""
    said = (
        _what_was_done(record),
        _federated_result(record),
        _tests(record),
        _beside_baselines(record),
        _best_possible(record),
        _how_it_ran(record),
    )
    return tuple(sentence for sentence in said if sentence)


def haic_limitations(record: HaicRecord) -> tuple[str, ...]:
    """Say what the numbers do not prove."""
    fusion = record.result(FEDERATED, FUSION)
    said = (
        (True, "Research use only. Nothing here supports the care of a patient."),
        (record.synthetic, _INVENTED),
        (True, _few_events(record, fusion)),
        (True, _many_features(record)),
        (record.settings.get("paper-mode") is True, _AFTER_BASELINE),
        (bool(record.tests), _FEW_TESTS),
        (fusion is not None and bool(fusion.sites), _SINGLE_SITES),
        (len(record.seeds) <= 1, "One seed was run; another seed gives other numbers."),
        (bool(record.overlays), _HEAT_MAPS),
        (True, _KNOWN_SITES),
    )
    return tuple(sentence for holds, sentence in said if holds and sentence)


_INVENTED = (
    "The patients are invented. The run shows that the method and the software work together, from "
    "DICOM files and clinical tables to the report; it says nothing about medicine."
)
_AFTER_BASELINE = (
    "The clinical models use the number of treatment cycles as the publication did. It is known "
    "only after treatment began, and fewer cycles can be a consequence of progression; results "
    "with it say nothing about prediction before treatment."
)
_FEW_TESTS = (
    "The tests compare few patients and are not corrected for their number; a large P is no proof "
    "that two models are alike."
)
_SINGLE_SITES = (
    "Results of single sites rest on few patients and are shown to find a site that differs, not "
    "to rank sites."
)
_HEAT_MAPS = (
    "Heat maps show where a score is sensitive to the image. They do not prove that the network "
    "uses what a radiologist would, nor that it is right."
)
_KNOWN_SITES = (
    "The held-out patients took no part in training, in the choice of the best round, of the "
    "machine's penalty or of a threshold. All sites of the evaluation also took part in training, "
    "so performance at a new hospital is not known."
)


def _few_events(record: HaicRecord, fusion: ModelResult | None) -> str:
    if fusion is None or fusion.events is None or fusion.events >= _FEW_EVENTS:
        return ""
    return (
        f"Only {plural(fusion.events, 'held-out patient')} had {record.endpoint.event}: the "
        "intervals are wide, and one patient moves the sensitivity visibly."
    )


def _many_features(record: HaicRecord) -> str:
    machine = record.fusion
    if machine is None or machine.events >= _PER_FEATURE * machine.features:
        return ""
    return (
        f"The fusion machine weighs {machine.features} features of {machine.patients} patients, "
        f"{machine.events} with {record.endpoint.event}. Its weights are shrunken and shared among "
        "features that go together; a large or small one is no finding about that feature."
    )


def mean_alone(record: HaicRecord, model: str) -> float | None:
    """Give the mean AUC of the sites that trained alone; None if any is unknown or none ran."""
    areas = _areas_alone(record, model)
    known = [area for area in areas if area is not None]
    return sum(known) / len(known) if known and len(known) == len(areas) else None


def _areas_alone(record: HaicRecord, model: str) -> list[float | None]:
    results = [arm.model(model) for arm in record.arms_alone()]
    return [result.auc.value if result is not None else None for result in results]


def _what_was_done(record: HaicRecord) -> str:
    invented = "synthetic " if record.synthetic else ""
    sites = plural(len(record.sites), "site")
    count = {5: "five"}.get(len(MriSequence), str(len(MriSequence)))
    return (
        f"{sites} with {invented}patients trained one network together on {count} MRI sequences, "
        "and on its scores and the clinical variables one support vector machine, to tell "
        f"{record.endpoint.event} from {record.endpoint.no_event}; no image and no patient's "
        "record left a site."
    )


def _federated_result(record: HaicRecord) -> str:
    named = (
        (FUSION, "image and clinic together"),
        (IMAGE_ONLY, "the image alone"),
        (CLINICAL_ONLY, "the clinic alone"),
    )
    results = [(record.result(FEDERATED, model), words) for model, words in named]
    known = [(r, words) for r, words in results if r is not None and r.auc.value is not None]
    if not known:
        return "The federated models could not be evaluated on held-out patients."
    parts = tuple(f"{interval_text(result.auc)} for {words}" for result, words in known)
    unknown = [words for result, words in results if result is None or result.auc.value is None]
    lacking = f" There is no result for {listed(tuple(unknown))}." if unknown else ""
    return f"On {_held_out(known[0][0], record)}, the federated AUC was {listed(parts)}.{lacking}"


def _held_out(result: ModelResult, record: HaicRecord) -> str:
    if result.patients is None:
        return "the held-out patients"
    counted = plural(result.patients, "held-out patient")
    if result.events is None:
        return counted
    return f"{counted}, {result.events} with {record.endpoint.event}"


def _tests(record: HaicRecord) -> str:
    told = [
        f"{number_text(test.difference)} from {model_title(test.second).lower()} ({p_text(test.p)})"
        for test in record.tests
        if test.arm == FEDERATED and test.first == FUSION and test.p is not None
    ]
    if not told:
        return ""
    return f"By DeLong's paired test, fusion differs by {listed(tuple(told))}."


def _beside_baselines(record: HaicRecord) -> str:
    parts: list[str] = []
    pooled = record.result(POOLED_CENTRAL, FUSION)
    if pooled is not None and pooled.auc.value is not None:
        parts.append(
            "the same system trained on all patients in one place reached "
            f"{interval_text(pooled.auc)} by fusion"
        )
    mean = mean_alone(record, FUSION)
    if mean is not None:
        areas = [area for area in _areas_alone(record, FUSION) if area is not None]
        parts.append(
            f"sites training alone reached {number_text(mean)} on average "
            f"({number_text(min(areas))} to {number_text(max(areas))})"
        )
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _best_possible(record: HaicRecord) -> str:
    named = (
        (record.bayes.image, "from the image"),
        (record.bayes.clinical, "from the clinic"),
        (record.bayes.fusion, "from both"),
    )
    known = tuple(f"{number_text(area)} {words}" for area, words in named if area is not None)
    if not known:
        return ""
    return (
        "How the invented patients respond is known, so the best AUC that any model could reach "
        f"on average is known too: {listed(known)}."
    )


def _how_it_ran(record: HaicRecord) -> str:
    rounds = sum(len(training.rounds) for training in record.trainings)
    if not rounds:
        return "No round was completed."
    folds = sum(training.fold != 0 for training in record.trainings)
    unseen = f", {folds} of them for scores of patients whom the network had not seen"
    spent = sum_or_none([t.seconds for t in record.trainings])
    sent = sum_or_none([t.bytes_sent for t in record.trainings])
    received = sum_or_none([t.bytes_received for t in record.trainings])
    took = f" in {duration_text(spent)}" if spent is not None else ""
    moved = ""
    if sent is not None and received is not None:
        moved = f" and moved {bytes_text(int(sent + received))}"
    often = plural(len(record.trainings), "time")
    return (
        f"The network was trained {often}{unseen if folds else ''}; "
        f"together that took {plural(rounds, 'round')}{took}{moved}."
    )


def sum_or_none(values: Sequence[float | None]) -> float | None:
    """Add numbers; None if one of them is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
