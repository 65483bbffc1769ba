"""MR series that are never one of the images of liver MRI, each with its reason."""

import re

from shared.dicom.exclusion import (
    OTHER_BODY,
    SMALLEST_VOLUME,
    described,
    exclusion_reason,
    scan_plane,
)
from shared.dicom.series import CandidateSeries

_LONGEST_ECHO_MS = 300.0
"""Beyond, only fluid is left: cholangiography and urography."""

_NO_MAGNITUDE = frozenset(("P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY"))

_TEXT_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (
            r"dwi|\bdw\b|\badc\b|\bdti\b|ivim|弥散|扩散|\bb\s?=?\s?\d{2,4}\b",
            "its description names diffusion weighting",
        ),
        (
            r"mrcp|cholangio|胆管成像|胰胆管|水成像|urograph",
            "its description names cholangiography",
        ),
        (
            r"fiesta|tru.?fi|true.?fisp|b.?tfe|b.?ffe|balanced|bssfp|平衡稳态",
            "its description names a balanced sequence",
        ),
        (
            r"[rt]2(\s?\*|.?star)|fat.?frac|pdff|ideal.?iq|mapping|脂肪分数|定量|elasto|弹性",
            "its description names a quantitative map",
        ),
        (r"field.?map|b0.?map|shim|calib|asset|校准", "its description names a calibration"),
    )
)


def mr_exclusion_reason(series: CandidateSeries) -> str | None:
    """Tell why a candidate cannot be an axial T1 or T2 volume of the liver.

    Args:
        series: A candidate.

    Returns:
        A clause that continues "left out because", or None.
    """
    reason = exclusion_reason(series)
    if reason is not None:
        return reason
    head, plane, text = series.head, scan_plane(series), described(series)
    checks = (
        (head.modality != "MR", f"it is {head.modality or 'of no stated modality'}, not MR"),
        (
            OTHER_BODY.search(f"{head.body_part} {text}") is not None,
            "it shows another part of the body (head, neck or limb)",
        ),
        (
            plane not in ("axial", "unknown"),
            f"it is {plane}, and the model reads axial slices",
        ),
        (
            head.mr.component in _NO_MAGNITUDE or bool(_NO_MAGNITUDE & set(head.image_type[2:])),
            "it shows phase or one part of the signal, not its magnitude",
        ),
        (
            "EP" in head.mr.scanning or bool(head.mr.b_value),
            "it is echo planar or diffusion weighted",
        ),
        (
            head.echo_time_ms is not None and head.echo_time_ms > _LONGEST_ECHO_MS,
            f"its echo of {head.echo_time_ms or 0:.0f} ms shows fluid alone",
        ),
        (
            len(series.instances) < SMALLEST_VOLUME,
            f"it has fewer than {SMALLEST_VOLUME} images, which is no volume",
        ),
    )
    found = next((why for applies, why in checks if applies), None)
    return found or next((why for pattern, why in _TEXT_RULES if pattern.search(text)), None)
