"""The report page of a run on MRI and clinic: one self-contained HTML file from its record."""

from collections.abc import Mapping

from shared.report.drawings import Drawing
from shared.report.haic_files import record_digest
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY, ModelResult
from shared.report.haic_record import HaicRecord
from shared.report.haic_run_tables import (
    exclusions_table,
    haic_seeds_table,
    penalties_table,
    seconds_table,
    trainings_table,
    weights_table,
)
from shared.report.haic_sentences import haic_limitations, haic_summary, mean_alone
from shared.report.haic_tables import (
    auc_table,
    comparisons_table,
    cross_table,
    operating_table,
    other_calls_table,
    sites_table,
    threshold_table,
)
from shared.report.page import (
    Frame,
    Headline,
    PhasePictures,
    Section,
    meta_line,
    moment_text,
    render_sections,
)
from shared.report.run_record import FEDERATED, POOLED_CENTRAL
from shared.report.sign_off import SignOff
from shared.report.tables import Table, cohort_table, environment_table, settings_table
from shared.report.wording import number_text, plural


def render_haic_report(
    record: HaicRecord, drawings: Mapping[str, Drawing], signature: SignOff | None
) -> str:
    """Render the page.

    Args:
        record: The finished run.
        drawings: Its figures by name, from ``shared.report.haic_report.draw_haic``.
        signature: Who signed the run off; None if nobody did.

    Returns:
        A complete HTML document that makes no request.
    """
    event = record.endpoint.event
    frame = Frame(
        heading=f"Federated prediction of {event} from MRI and clinic",
        meta=meta_line(record),
        hepafed=record.environment.hepafed,
        status=signature_words(record, signature),
        signed=_holds(record, signature),
    )
    sections = (
        Section(
            "summary",
            "Summary",
            sentences=(*haic_summary(record), *record.notes),
            headline=_headline(record),
        ),
        Section(
            "cohort",
            "Patients",
            tables=_filled(cohort_table(record, "Slices per sequence"), exclusions_table(record)),
        ),
        *_result_sections(record, drawings),
        *_making_sections(record, drawings),
        Section("limits", "Limitations", points=haic_limitations(record)),
        Section("sign-off", "Sign-off", sentences=_signature_sentences(record, signature)),
    )
    title = f"{record.run}: federated prediction of {event}"
    return render_sections(frame, title, [section for section in sections if section.has_content])


def signature_words(record: HaicRecord, signature: SignOff | None) -> str:
    """Say in one sentence whether the record shown is signed off."""
    if signature is None:
        return "Not signed off."
    who = f"{signature.name} ({signature.role}), {moment_text(signature.time)}"
    if _holds(record, signature):
        return f"Signed off by {who}."
    return (
        f"Not signed off: the record was changed after {who} had signed it off. That sign-off does "
        "not hold for the numbers on this page."
    )


def _holds(record: HaicRecord, signature: SignOff | None) -> bool:
    return signature is not None and signature.record_sha256 == record_digest(record)


def _signature_sentences(record: HaicRecord, signature: SignOff | None) -> tuple[str, ...]:
    shown = f"SHA-256 of the record shown: {record_digest(record)}."
    if signature is None:
        return ("Nobody has signed this run off.", shown)
    signed = f"SHA-256 of the record signed off: {signature.record_sha256}."
    meant = (
        "A sign-off says who accepts the run as recorded. It is no cryptographic signature and "
        "proves nobody's identity."
    )
    return (signature_words(record, signature), signed, shown, meant)


def _result_sections(record: HaicRecord, drawings: Mapping[str, Drawing]) -> tuple[Section, ...]:
    federated = record.arm(FEDERATED)
    calls = (
        (operating_table(record, federated), threshold_table(record, federated))
        if federated is not None
        else ()
    )
    return (
        Section(
            "models",
            "Image, clinic and both",
            drawings=_drawn(drawings, "fig_forest", "fig_roc"),
            tables=_filled(auc_table(record), comparisons_table(record), cross_table(record)),
        ),
        Section(
            "calls",
            "Sensitivity and predictive values",
            tables=_filled(*calls, other_calls_table(record)),
        ),
        Section("calibration", "Calibration", drawings=_drawn(drawings, "fig_calibration")),
        Section(
            "sites",
            "Site by site",
            tables=_filled(sites_table(federated)) if federated is not None else (),
        ),
        Section(
            "seeds",
            "Other seeds",
            tables=(haic_seeds_table(record),) if len(record.seeds) > 1 else (),
        ),
    )


def _making_sections(record: HaicRecord, drawings: Mapping[str, Drawing]) -> tuple[Section, ...]:
    return (
        Section(
            "network",
            "Training of the network",
            sentences=(record.network,) if record.trainings else (),
            drawings=_drawn(drawings, "fig_losses", "fig_candidates"),
            tables=_filled(trainings_table(record)),
        ),
        Section(
            "fusion",
            "The fusion machine",
            drawings=_drawn(drawings, "fig_weights"),
            tables=_filled(penalties_table(record), weights_table(record)),
        ),
        Section(
            "heat-maps",
            "Heat maps",
            sentences=_heat_map_words(record),
            strips=_pictures_by_patient(record),
        ),
        Section(
            "departures",
            "Beside the published setting",
            sentences=(f"The study follows {record.source}. This run leaves it in these points.",)
            if record.departures
            else (),
            points=record.departures,
        ),
        Section(
            "making",
            "How it was computed",
            tables=_filled(
                seconds_table(record), environment_table(record), settings_table(record)
            ),
        ),
    )


def _drawn(drawings: Mapping[str, Drawing], *names: str) -> tuple[Drawing, ...]:
    return tuple(drawings[name] for name in names if name in drawings)


def _filled(*tables: Table) -> tuple[Table, ...]:
    return tuple(table for table in tables if table.rows)


def _headline(record: HaicRecord) -> tuple[Headline, ...]:
    named = (
        (FEDERATED, FUSION, "Fusion AUC", "federated"),
        (FEDERATED, IMAGE_ONLY, "Image AUC", "other"),
        (FEDERATED, CLINICAL_ONLY, "Clinic AUC", "other"),
        (POOLED_CENTRAL, FUSION, "Fusion AUC, pooled", "pooled"),
    )
    items: list[Headline] = []
    for arm, model, label, kind in named:
        result = record.result(arm, model)
        if result is not None and result.auc.value is not None:
            items.append(Headline(label, number_text(result.auc.value), _limits(result), kind))
    mean = mean_alone(record, FUSION)
    if mean is not None:
        detail = f"mean of {plural(len(record.arms_alone()), 'site')}"
        items.append(Headline("Fusion AUC, alone", number_text(mean), detail))
    if record.bayes.fusion is not None:
        items.append(
            Headline("Best possible AUC", number_text(record.bayes.fusion), "known by construction")
        )
    return tuple(items)


def _limits(result: ModelResult) -> str:
    if result.auc.lower is None or result.auc.upper is None:
        return "no interval"
    return f"95% CI {number_text(result.auc.lower)}–{number_text(result.auc.upper)}"


def _pictures_by_patient(record: HaicRecord) -> tuple[PhasePictures, ...]:
    patients = dict.fromkeys(overlay.patient for overlay in record.overlays)
    return tuple(
        PhasePictures(
            patient or "Heat maps",
            tuple(overlay for overlay in record.overlays if overlay.patient == patient),
        )
        for patient in patients
    )


def _heat_map_words(record: HaicRecord) -> tuple[str, ...]:
    if not record.overlays:
        return ()
    return (
        (
            f"Grad-CAM of the score for {record.endpoint.event}, laid over the slice it explains, "
            "sequence by sequence. The brighter a place, the more it raises the score. A heat map "
            "is not proof of why a score is what it is."
        ),
    )
