"""The model card of a release on MRI and clinic: for what, on whom, how well, and where it ends.

Follows the order of ``shared.release.model_card``, whose sources it shares.
"""

from collections.abc import Mapping

from shared.cohort.clinical import BY_NAME
from shared.fusion.svm import LINEAR, FittedSvm
from shared.release.haic_settings import HaicReleaseSettings, ModelEvaluation
from shared.release.model_card import (
    authors_part,
    bullets,
    estimate_cell,
    files_part,
    training_line,
)

_NONE = "–"


def haic_card(settings: HaicReleaseSettings, models: Mapping[str, FittedSvm]) -> str:
    """Write the model card of a release.

    Args:
        settings: Its facts.
        models: By name.

    Returns:
        Markdown.
    """
    event, none = settings.endpoint.event, settings.endpoint.no_event
    files = (
        "`weights.safetensors` holds the network, `models.json` the fitted models with every "
        "digit, `settings.json` every other fact above"
    )
    parts = (
        f"# Prediction of {event} from MRI and clinic",
        "**Research use only. Not a medical device; not for the care of patients.**",
        (
            "From liver MRI and clinical values before hepatic arterial infusion chemotherapy, the "
            f"models give the probability of **{event}** against {none}. The event is a best "
            f"response of {' or '.join(settings.endpoint.event_responses)} by RECIST 1.1."
        ),
        f"Recipe: {settings.source}. The weights were trained anew; they are not the authors'.",
        "## Input",
        _input(settings),
        "## Models",
        bullets(_model_line(name, model) for name, model in models.items()),
        "## Training",
        _training(settings),
        "## Evaluation",
        _evaluation(settings),
        "## Must not be used for",
        bullets(_misuses(settings)),
        "## Limits",
        bullets(_limits(models)),
        *authors_part(),
        "## Files",
        *files_part(files, settings.provenance),
    )
    return "\n\n".join(parts) + "\n"


def _input(settings: HaicReleaseSettings) -> str:
    preparation = settings.preparation
    slices = (
        f"{preparation.slices_per_patient} evenly spaced slices"
        if preparation.slices_per_patient
        else "every slice that all sequences cover"
    )
    shading = "removed" if preparation.bias_field else "left"
    return bullets(
        (
            f"MRI sequences, as DICOM: {', '.join(preparation.sequences)}.",
            (
                f"{slices[:1].upper()}{slices[1:]}, {preparation.width} wide and "
                f"{preparation.height} high, laid on the first sequence; each volume has mean 0 "
                f"and standard deviation 1 in the body; the coil's shading is {shading}."
            ),
            f"Preparation version {preparation.version}; the software refuses another.",
            (
                f"Up to {len(BY_NAME)} clinical variables; a missing one takes the median of the "
                "training patients, and the prediction says so. A missing sequence is refused."
            ),
        )
    )


def _model_line(name: str, model: FittedSvm) -> str:
    features = len(model.preparation.features)
    kind = "linear" if model.degree == LINEAR else "second-order"
    return (
        f"{name}: {kind}, {features} {'feature' if features == 1 else 'features'}; the event is "
        f"called from a decision value of {model.threshold:.3f}."
    )


def _training(settings: HaicReleaseSettings) -> str:
    network = settings.network
    scale = (
        ""
        if network.network != "inception_v4"
        else (f", width {network.width:g}, blocks {', '.join(map(str, network.blocks))}")
    )
    lines = [
        training_line(settings.provenance),
        (
            f"{network.network} ({network.reading} reading of the sequences{scale}), "
            f"{network.norm} normalisation, dropout {network.dropout:g}."
        ),
        (
            "The models that use image features were fitted on features of patients whom the "
            "network had not seen; thresholds and calibration come from development patients."
        ),
        f"Run '{settings.provenance.run}', seed {settings.provenance.seed}.",
        *settings.departures,
    ]
    return bullets(lines)


def _evaluation(settings: HaicReleaseSettings) -> str:
    known = [row for row in settings.evaluation if row.patients or row.auc.value is not None]
    if not known:
        return "Not evaluated."
    first = known[0]
    counted = (
        f"{_count(first.patients)} held-out patients, {_count(first.events)} with "
        f"{settings.endpoint.event}; sensitivity and PPV count that event. 95% intervals."
    )
    head = "| Model | AUC | Sensitivity | Specificity | PPV | NPV | Brier |"
    return "\n".join((counted, "", head, "|---|---|---|---|---|---|---:|", *map(_row, known)))


def _row(row: ModelEvaluation) -> str:
    cells = (row.auc, row.sensitivity, row.specificity, row.ppv, row.npv)
    brier = _NONE if row.brier is None else f"{row.brier:.3f}"
    return f"| {row.model} | {' | '.join(map(estimate_cell, cells))} | {brier} |"


def _misuses(settings: HaicReleaseSettings) -> tuple[str, ...]:
    said = (
        "Any decision about the care of a patient.",
        "Patients already under treatment, other treatments, other tumours, or other imaging.",
        "Ranking sites, readers or scanners.",
    )
    if settings.provenance.synthetic:
        return (
            (
                "Anyone's images or values to learn about that person: it was trained on invented "
                "patients and shows that the software works."
            ),
            *said,
        )
    return said


def _limits(models: Mapping[str, FittedSvm]) -> tuple[str, ...]:
    said = [
        "Evaluated on patients of the sites that trained it; performance elsewhere is not known.",
        "Probabilities follow the share of the event among the training patients.",
        "Heat maps show where the score is sensitive to the image; they prove nothing.",
    ]
    used = {column for model in models.values() for column in model.preparation.columns}
    late = [v.label for v in BY_NAME.values() if v.post_baseline and v.name in used]
    if late:
        said.append(
            f"Uses what is known only after treatment began ({', '.join(late)}), as the "
            "publication did: it cannot predict before treatment."
        )
    return tuple(said)


def _count(value: int | None) -> str:
    return _NONE if value is None else str(value)
