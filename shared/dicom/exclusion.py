"""Series that are never a volume of the patient's liver, each with its reason.

The rules read image type, object class and matrix first, text last: text is what people type.
Descriptions are never quoted, since they can carry names.
"""

import re
import unicodedata

from shared.dicom.multiframe import ENHANCED_CLASSES
from shared.dicom.series import CandidateSeries

SMALLEST_VOLUME = 3
"""Images; fewer have no spacing to check."""

_NON_IMAGE = {
    "SR": "a structured report",
    "SEG": "a segmentation",
    "RTSTRUCT": "contours",
    "RTDOSE": "a dose grid",
    "RTPLAN": "a treatment plan",
    "PR": "a presentation state",
    "KO": "a list of key images",
    "REG": "a registration",
    "DOC": "a document",
    "PLAN": "a treatment plan",
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_LARGEST_MASK_BITS = 8  # CT needs 12 bits; 8 or fewer is a mask or a picture

_TYPE_WORDS: tuple[tuple[str, str], ...] = (
    ("LOCALIZER", "it is a localizer (scout view)"),
    ("SCOUT", "it is a localizer (scout view)"),
    ("MOSAIC", "each picture tiles many slices (a mosaic)"),
    ("SCREEN SAVE", "it is a saved screen"),
)
_DERIVED_WORDS: tuple[tuple[str, str], ...] = (
    ("MPR", "a reformatted view (MPR)"),
    ("MIP", "a projection (MIP)"),
    ("MINIP", "a projection (MinIP)"),
    ("PROJECTION", "a projection"),
    ("REFORMATTED", "a reformatted view"),
    ("VRT", "a volume rendering"),
    ("VOLUME RENDERING", "a volume rendering"),
    ("SUB", "a subtraction"),
    ("SUBTRACT", "a subtraction"),
    ("PERFUSION", "a perfusion map"),
)

_TEXT_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (
            r"locali[sz]er|\bscout|surview|topogram|定位|三平面",
            "its description names a localizer",
        ),
        (
            r"smart.?prep|bolus|pre-?monitor|monitoring|care.?bolus|test.?inj|团注|监测|示踪",
            "its description names bolus tracking",
        ),
        (
            r"(dose|剂量).?(report|info|summary|record|page|报告|信息|表)|protocol.?page",
            "its description names a dose or protocol page",
        ),
        (
            r"\bmip\b|\bmpr\b|\bvrt?\b|3d.?recon|curved|重建图|三维",
            "its description names a reformatted view",
        ),
        (
            r"patient.?protocol|exam.?summary|screen.?s(ave|hot)",
            "its description names a protocol page or a stored screen",
        ),
        (r"\bsub(traction)?\b|减影", "its description names a subtraction"),
        (r"\bperf(usion)?\b|\bcbf\b|\bmtt\b|灌注", "its description names a perfusion study"),
    )
)
OTHER_BODY = re.compile(
    r"\b(head|brain|skull|face|sinus|neck|knee|ankle|foot|hand|wrist|elbow|shoulder)\b"
    r"|头颅|颅脑|颈部|膝|踝",
    re.IGNORECASE,
)


def exclusion_reason(series: CandidateSeries) -> str | None:
    """Tell why a candidate cannot be a volume of any modality.

    Args:
        series: A candidate.

    Returns:
        A clause that continues "left out because", or None where nothing speaks against it.
    """
    head = series.head
    if head.modality in _NON_IMAGE or not head.has_pixels:
        return f"it holds {_NON_IMAGE.get(head.modality, 'no images')}"
    if head.samples != 1 or head.photometric not in ("MONOCHROME1", "MONOCHROME2", ""):
        return "its pictures are in colour, so they are no measurements"
    if head.sop_class.startswith(_SECONDARY_CAPTURE) or head.modality in ("OT", "SC"):
        return "it is a secondary capture (a stored screen), not a scan"
    if head.frame is None and (head.frames > 1 or head.sop_class in ENHANCED_CLASSES):
        return (
            f"it is a multi-frame object ({head.frames} frames in one file) without the functional "
            "groups that place each frame in the patient; ask the archive for the original or "
            "for single-frame images"
        )
    if head.burned_in:
        return "it is marked as having text burned into the picture"
    return _type_reason(series) or _text_reason(series)


def ct_exclusion_reason(series: CandidateSeries) -> str | None:
    """Tell why a candidate cannot be an axial liver CT.

    Args:
        series: A candidate.

    Returns:
        A clause that continues "left out because", or None.
    """
    reason = exclusion_reason(series)
    if reason is not None:
        return reason
    head = series.head
    plane = scan_plane(series)
    checks = (
        (head.modality != "CT", f"it is {head.modality or 'of no stated modality'}, not CT"),
        (
            head.bits_stored <= _LARGEST_MASK_BITS,
            f"it stores {head.bits_stored} bits per pixel: a mask or a picture, not HU values",
        ),
        (
            OTHER_BODY.search(f"{head.body_part} {described(series)}") is not None,
            "it shows another part of the body (head, neck or limb)",
        ),
        (
            plane not in ("axial", "unknown"),
            f"it is {plane}, and the model reads axial slices",
        ),
        (
            len(series.instances) < SMALLEST_VOLUME,
            f"it has fewer than {SMALLEST_VOLUME} images, which is no volume",
        ),
    )
    return next((why for applies, why in checks if applies), None)


def scan_plane(series: CandidateSeries) -> str:
    """Name the plane nearest to a candidate's images from direction cosines, not from its name.

    Returns:
        ``axial``, ``coronal``, ``sagittal``, or ``unknown`` without an orientation.
    """
    orientation = series.head.orientation
    if orientation is None:
        return "unknown"
    (ax, ay, az), (bx, by, bz) = orientation[:3], orientation[3:]
    normal = (abs(ay * bz - az * by), abs(az * bx - ax * bz), abs(ax * by - ay * bx))
    return ("sagittal", "coronal", "axial")[normal.index(max(normal))]


def _type_reason(series: CandidateSeries) -> str | None:
    words = series.head.image_type
    for word, reason in _TYPE_WORDS:
        if any(word in got for got in words):
            return reason
    if any(word == "MON" or word.endswith(" MON") for word in words):
        return "it is bolus tracking: the same table position again and again"
    if "DERIVED" in words:
        for word, kind in _DERIVED_WORDS:
            if any(word in re.split(r"[\s_]+", got) or word == got for got in words):
                return f"it is derived from other images: {kind}"
        if "SECONDARY" in words:
            return "it is derived from other images"
    return None


def _text_reason(series: CandidateSeries) -> str | None:
    text = described(series)
    return next((reason for pattern, reason in _TEXT_RULES if pattern.search(text)), None)


def described(series: CandidateSeries) -> str:
    """Give the description with full-width letters folded and underscores as spaces."""
    # NFKC folds full-width letters, which Chinese consoles mix with ASCII.
    return unicodedata.normalize("NFKC", series.head.description).replace("_", " ")
