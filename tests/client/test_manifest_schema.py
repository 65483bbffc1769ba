"""The published schema is the code's, and a good row fits it."""

import json
from pathlib import Path

import client
from client.manifest import CLINICAL_COLUMNS, KNOWN_COLUMNS
from client.manifest_schema import manifest_schema


def test_the_published_file_is_the_code():
    published = Path(client.__file__).parent / "manifest.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == manifest_schema()


def test_the_schema_lists_every_column_that_is_read():
    assert set(manifest_schema()["properties"]) == {*KNOWN_COLUMNS, *CLINICAL_COLUMNS}
    assert manifest_schema()["required"] == ["patient_id", "response"]
