"""Pictures that may carry writing in their pixels, refused before they can be shown or exported.

No detector of writing is used. Only plain cross-sectional images pass, made by the scanner itself;
screens, reports, colour pictures and captures do not.
"""

from pydicom.dataset import Dataset

from shared.dicom.deidentify_table import IMAGE_CLASSES

_SCREEN_WORDS = ("SCREEN", "SAVE", "CAPTURE", "DOSE", "PROT", "REPORT", "TOPO_TEXT", "LOCALIZER")
_GREY = ("MONOCHROME1", "MONOCHROME2")


def reason_to_refuse(dataset: Dataset) -> str:
    """Say why a picture may have writing burned into its pixels.

    Args:
        dataset: One instance; its pixels are not looked at.

    Returns:
        A sentence, or an empty text for a picture that may pass.
    """
    checks = (
        (_is_another_object, "It is not a plain CT or MR image."),
        (_is_marked, "Its header says that writing is burned in."),
        (_is_coloured, "It is a colour picture, as screens and reports are."),
        (_is_screen, "It is derived, a localizer, or a copy of a screen."),
    )
    return next((reason for applies, reason in checks if applies(dataset)), "")


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip(" \0").upper()


def _is_another_object(dataset: Dataset) -> bool:
    return (
        _text(dataset, "SOPClassUID") not in IMAGE_CLASSES
        or _text(dataset, "Modality") not in ("CT", "MR")
        or bool(_text(dataset, "ConversionType"))
    )


def _is_marked(dataset: Dataset) -> bool:
    return _text(dataset, "BurnedInAnnotation") not in ("", "NO")


def _is_coloured(dataset: Dataset) -> bool:
    return (
        _text(dataset, "PhotometricInterpretation") not in _GREY
        or _text(dataset, "SamplesPerPixel") != "1"
    )


def _is_screen(dataset: Dataset) -> bool:
    value = dataset.get("ImageType") or ""
    words = [str(word).upper() for word in ([value] if isinstance(value, str) else value)]
    if len(words) < 2:  # noqa: PLR2004  # without both words an original cannot be told apart
        return True
    captured = any(screen in word for word in words for screen in _SCREEN_WORDS)
    return captured or ("DERIVED" in words and "SECONDARY" in words)
