"""The manifest's JSON Schema: what one row holds, for other programs to check against.

``client/manifest.schema.json`` is the published copy; a test holds it equal to this code.
"""

from client.image_roles import Modality, modality_of, role_words
from client.manifest import REQUIRED_COLUMNS, SERIES_COLUMNS
from shared.cohort.analysis_columns import FOLLOW_UP
from shared.cohort.clinical import VARIABLES, ClinicalVariable, Kind
from shared.cohort.fusion_columns import READERS
from shared.vocabulary import ImageRole, RecistResponse, Split

Schema = dict[str, object]


def manifest_schema() -> Schema:
    """Give the schema of one row, as JSON Schema of draft 2020-12.

    An empty cell of a table is an absent property.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A patient of a site's manifest",
        "description": "One row per patient. Column names may be in any case and order; columns "
        "that are not listed here are ignored with a note.",
        "type": "object",
        "required": list(REQUIRED_COLUMNS),
        "additionalProperties": True,
        "properties": {
            "patient_id": {
                "type": "string",
                "minLength": 1,
                "description": "The DICOM PatientID; one row per patient. It never leaves the site",
            },
            "response": {
                "enum": [response.value for response in RecistResponse],
                "description": "Best response by RECIST 1.1",
            },
            "study_uid": {
                "type": "string",
                "description": "StudyInstanceUID; needed where the patient has several studies",
            },
            "liver_lower_mm": _height("lower"),
            "liver_upper_mm": _height("upper"),
            "liver_mask": {
                "type": "string",
                "description": "Path of a mask of the liver, relative to the manifest: a DICOM "
                "segmentation (SEG), an RT structure set or a NIfTI file; used where nobody gave "
                "the two heights",
            },
            "split": {
                "enum": [Split.TRAINING.value, Split.HELD_OUT.value],
                "description": "What the patient serves for; all rows or none",
            },
            **{
                column: {
                    "type": "string",
                    "description": f"{_kind(role)}: number or SeriesInstanceUID of the "
                    f"{role_words(role)} series that a person confirmed; a value that begins with "
                    "? is a guess and does not count",
                }
                for column, role in SERIES_COLUMNS.items()
            },
            **{variable.name: _clinical(variable) for variable in VARIABLES},
            **{name: _follow_up(name) for name in FOLLOW_UP},
            "site": {"type": "string", "description": "Name of the hospital; not used"},
            **{
                reader: {
                    "enum": [0, 1],
                    "description": "Whether a radiologist called progressive disease: 1 yes, 0 no; "
                    "empty where the patient was not read",
                }
                for reader in READERS
            },
        },
    }


def _kind(role: ImageRole) -> str:
    return "MRI" if modality_of(role) is Modality.MR else "CT"


def _height(end: str) -> Schema:
    return {
        "type": "number",
        "description": f"Height of the liver's {end} end, DICOM patient z in millimetres",
    }


def _follow_up(name: str) -> Schema:
    kind = "progression-free" if name.startswith("pfs") else "overall"
    if name.endswith("_event"):
        meaning = f"Whether {kind} survival ended: 1 yes, 0 censored"
        return {"enum": [0, 1], "description": meaning}
    meaning = f"Days of {kind} survival from the first treatment"
    return {"type": "number", "exclusiveMinimum": 0, "description": meaning}


def _clinical(variable: ClinicalVariable) -> Schema:
    if variable.kind is Kind.BINARY:
        meaning = f"{variable.label}: 1 is {variable.one}, 0 is {variable.zero}"
        return {"enum": [0, 1], "description": meaning}
    kind = "integer" if variable.kind is Kind.COUNT else "number"
    return {
        "type": kind,
        "minimum": variable.low,
        "maximum": variable.high,
        "description": variable.label,
    }
