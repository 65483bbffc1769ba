"""The model card of a release: what it is for, what it saw, how it did, where it ends.

Follows the order of Mitchell 2019 ("Model Cards for Model Reporting"), with what TRIPOD+AI
(Collins 2024) and CLAIM (Mongan 2020) ask for and a run can answer by itself; the rest is left to
the authors, openly.
"""

from collections.abc import Iterable

from shared.release.release_settings import EstimateFacts, ProvenanceFacts, ReleaseSettings

_NONE = "–"

# What the reporting guidelines ask for and no software can fill in.
_AUTHORS_COMPLETE = (
    "Intended use and users",
    "Eligibility, treatment and dates of the patients",
    "Who assessed the response, how, and blinded to what",
    "Sample size and missing data",
    "Performance by sex, age, cause of liver disease and scanner",
    "Ethics approval, consent, protocol, registration and funding",
)


def model_card(settings: ReleaseSettings) -> str:
    """Write the model card of a release.

    Args:
        settings: Its facts.

    Returns:
        Markdown.
    """
    endpoint, made = settings.endpoint, settings.provenance
    parts = (
        f"# Prediction of {endpoint.event}",
        "**Research use only. Not a medical device; not for the care of patients.**",
        _question(settings),
        f"Recipe: {settings.source}. The weights were trained anew; they are not the authors'.",
        "## Input",
        _input(settings),
        "## Training",
        _training(settings),
        "## Evaluation",
        _evaluation(settings),
        "## Limits",
        bullets(_limits(settings)),
        *authors_part(),
        "## Files",
        *files_part(
            "`weights.safetensors` holds the weights, `settings.json` every fact above", made
        ),
    )
    return "\n\n".join(parts) + "\n"


def authors_part() -> tuple[str, ...]:
    """Give the part of a card that no software can fill in."""
    return (
        "## For the authors to complete",
        (
            "What TRIPOD+AI (Collins 2024, doi 10.1136/bmj-2023-078378) and CLAIM (Mongan 2020, "
            "doi 10.1148/ryai.2020200029) ask for and the software cannot know:"
        ),
        bullets(f"{item}: _to be completed_" for item in _AUTHORS_COMPLETE),
    )


def files_part(files: str, made: ProvenanceFacts) -> tuple[str, ...]:
    """Give the part of a card that says what lies in the folder and who made it.

    Args:
        files: What each file holds, without the checksums, as an open sentence.
        made: Where the weights came from.
    """
    return (
        (
            f"{files}, `SHA256SUMS` the checksums (`sha256sum --check SHA256SUMS`). The checksums "
            "find damage; they do not prove who made the release."
        ),
        (
            f"Made by HepaFed {made.hepafed} on {made.created}; code digest "
            f"`{made.code_digest or 'unknown'}`."
        ),
    )


def training_line(made: ProvenanceFacts) -> str:
    """Say who trained together, for how long, on whom, and which weights were kept."""
    kept = "The last weights were kept."
    if made.best_round is not None:
        kept = f"Weights of round {made.best_round}, chosen by the inner-validation patients."
    patients = (
        "an undisclosed number of" if made.training_patients is None else made.training_patients
    )
    invented = "invented " if made.synthetic else ""
    return (
        f"{made.sites} sites trained together by {made.strategy} for {made.rounds} rounds on "
        f"{patients} {invented}patients; no image or patient's record left a site. {kept}"
    )


def estimate_cell(estimate: EstimateFacts) -> str:
    """Give an estimate with its interval, as a cell of a table."""
    if estimate.lower is None or estimate.upper is None:
        return _number(estimate.value)
    return f"{_number(estimate.value)} ({_interval(estimate)})"


def bullets(items: Iterable[str]) -> str:
    """Give a Markdown list."""
    return "\n".join(f"- {item}" for item in items)


def _question(settings: ReleaseSettings) -> str:
    endpoint = settings.endpoint
    return (
        f"From CT before treatment, the model gives the probability of **{endpoint.event}** "
        f"against {endpoint.no_event}. The event is a best response of "
        f"{' or '.join(endpoint.event_responses)} by RECIST 1.1."
    )


def _input(settings: ReleaseSettings) -> str:
    preparation = settings.preparation
    slices = (
        f"{preparation.slices_per_patient} evenly spaced slices of the liver range"
        if preparation.slices_per_patient
        else "every slice of the liver range"
    )
    low = preparation.window_level_hu - preparation.window_width_hu / 2
    high = preparation.window_level_hu + preparation.window_width_hu / 2
    return bullets(
        (
            f"CT phases: {', '.join(preparation.phases)}, as DICOM.",
            (
                f"{slices[:1].upper()}{slices[1:]}, {preparation.image_size} x "
                f"{preparation.image_size} pixels, window {low:g} to {high:g} HU scaled to [0, 1]."
            ),
            f"Preparation version {preparation.version}; the software refuses another.",
            (
                f"A patient's probability is the mean over the slices; the label is the vote of "
                f"the slices at {settings.threshold:g}, and the mean decides an even vote."
            ),
        )
    )


def _training(settings: ReleaseSettings) -> str:
    made, network = settings.provenance, settings.network
    attention = "joined by self-attention" if network.attention else "joined without attention"
    return bullets(
        (
            training_line(made),
            (
                f"One {network.backbone} per phase with {network.norm} normalisation, {attention}; "
                f"dropout {network.dropout:g}."
            ),
            f"Run '{made.run}', seed {made.seed}.",
        )
    )


def _evaluation(settings: ReleaseSettings) -> str:
    found = settings.evaluation
    if found.patients is None and found.auc.value is None:
        return "Not evaluated."
    counted = f"{_count(found.patients)} held-out patients, {_count(found.events)} with the event."
    rows = (
        ("AUC", found.auc),
        ("Accuracy", found.accuracy),
        ("Sensitivity", found.sensitivity),
        ("Specificity", found.specificity),
        ("F1", found.f1),
    )
    lines = [f"| {name} | {_number(e.value)} | {_interval(e)} |" for name, e in rows]
    return "\n".join(
        (counted, "", "| Measure | Estimate | 95% interval |", "|---|---:|---:|", *lines)
    )


def _limits(settings: ReleaseSettings) -> tuple[str, ...]:
    said = [
        "Evaluated on patients of the sites that trained it; performance elsewhere is not known.",
        (
            "Other phases, scanners, treatments or stages of disease than those trained on are not "
            "covered."
        ),
        (
            "The probability is not calibrated: 0.7 does not mean that seven of ten such patients "
            "have the event."
        ),
        "Heat maps show where the score is sensitive to the image; they prove nothing.",
    ]
    if settings.provenance.synthetic:
        said.insert(
            0,
            "Trained on invented patients: it shows that the software works and must not be "
            "used on anyone's images to learn about that person.",
        )
    return tuple(said)


def _count(value: int | None) -> str:
    return _NONE if value is None else str(value)


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _interval(estimate: EstimateFacts) -> str:
    if estimate.lower is None or estimate.upper is None:
        return _NONE
    return f"{estimate.lower:.3f} to {estimate.upper:.3f}"
