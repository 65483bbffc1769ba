"""What every series of a study is, from its headers: CT by phases, MRI by sequences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from client.catalogue_records import SeriesRecord, Status
from client.image_roles import Modality, phases, sequences
from client.image_settings import ImageSettings
from shared.dicom.exclusion import ct_exclusion_reason
from shared.dicom.geometry import order_volume
from shared.dicom.header import InstanceHeader
from shared.dicom.mr_exclusion import mr_exclusion_reason
from shared.dicom.mri_roles import decide_sequences
from shared.dicom.roles import decide_phases
from shared.dicom.series import CandidateSeries, group_series
from shared.errors import VolumeError
from shared.vocabulary import ImageRole


@dataclass(frozen=True)
class Decision:
    """What either modality's rules say of a series; fields as of theirs."""

    series: CandidateSeries
    role: ImageRole | None
    evidence: tuple[str, ...]
    confidence: float
    question: str


def series_of(headers: Sequence[InstanceHeader], images: ImageSettings) -> tuple[SeriesRecord, ...]:
    """Name the role of every series of a study from its headers.

    Args:
        headers: Of all images of one study.
        images: The site's words for series.

    Returns:
        One record per volume, in reading order.
    """
    groups = group_series(headers)
    decisions = {d.series.volume_id: d for d in decide_roles(groups, images)}
    return tuple(
        _volume(decisions[series.volume_id])
        if series.volume_id in decisions
        else _record(series, Status.SET_ASIDE, _exclusion_reason(series) or "")
        for series in groups
    )


def decide_roles(
    groups: Sequence[CandidateSeries],
    images: ImageSettings,
    confirmed: Mapping[str, ImageRole] | None = None,
) -> list[Decision]:
    """Decide the series of each modality among themselves.

    Args:
        groups: All volumes of one study.
        images: The site's words for series.
        confirmed: Roles that a person confirmed, by volume id.

    Returns:
        One decision per volume that can be an image of the liver.
    """
    kept = [series for series in groups if _exclusion_reason(series) is None]
    said = confirmed or {}
    own = [series for series in kept if not _is_mr(series)]
    ct = decide_phases(own, phases(said), images.tables())
    own = [series for series in kept if _is_mr(series)]
    mr = decide_sequences(own, sequences(said), images.mri_tables())
    return [
        *(Decision(d.series, d.phase, d.evidence, d.confidence, d.question) for d in ct),
        *(Decision(d.series, d.role, d.evidence, d.confidence, d.question) for d in mr),
    ]


def _is_mr(series: CandidateSeries) -> bool:
    return series.head.modality == Modality.MR


def _exclusion_reason(series: CandidateSeries) -> str | None:
    return mr_exclusion_reason(series) if _is_mr(series) else ct_exclusion_reason(series)


def _volume(decision: Decision) -> SeriesRecord:
    try:
        step_mm = order_volume(decision.series).step_mm
    except VolumeError as error:
        return _record(decision.series, Status.QUARANTINED, error.message, decision)
    if decision.role is None:
        return _record(decision.series, Status.QUESTION, decision.question, decision, step_mm)
    return _record(decision.series, Status.USABLE, "", decision, step_mm)


def _record(
    series: CandidateSeries,
    status: Status,
    reason: str,
    decision: Decision | None = None,
    step_mm: float | None = None,
) -> SeriesRecord:
    spacing = series.head.pixel_spacing_mm
    return SeriesRecord(
        volume_id=series.volume_id,
        number=series.head.series_number,
        name=series.name,
        images=len(series.instances),
        modality=series.head.modality,
        role=decision.role if decision else None,
        evidence=decision.evidence if decision else (),
        confidence=decision.confidence if decision else 0.0,
        status=status,
        reason=reason,
        step_mm=step_mm,
        pixel_mm=spacing[0] if spacing else None,
        transfer_syntax=series.head.transfer_syntax,
    )
