"""The data manager's commands: one JSON object where asked for, refusals with what to do."""

import json

import pytest
from ct_files import CtFiles, write_ct
from typer.testing import CliRunner

import hepafed
from client.manifest_schema import manifest_schema
from shared.errors import DataError, SettingsError

SETTINGS = '[site]\nname = "north"\ndicom = "dicom"\nmanifest = "manifest.csv"\n'


@pytest.fixture
def settings(tmp_path):
    for number, words in ((2, "plain"), (3, "arterial"), (4, "")):
        one = CtFiles(number=number, description=words, acquired=f"100{number}00")
        write_ct(tmp_path / "dicom", one)
    (tmp_path / "site.toml").write_text(SETTINGS)
    return tmp_path / "site.toml"


def run(*words, **options):
    return CliRunner().invoke(hepafed.app, ["site", *map(str, words)], **options)


def data(*words):
    result = run(*words, "--format", "json")
    assert result.exit_code == 0, repr(result.exception)
    return json.loads(result.stdout)["data"]


def test_ingest_without_an_archive_says_what_to_write(settings):
    error = run("ingest", settings).exception
    assert isinstance(error, SettingsError)
    assert [problem.where for problem in error.problems] == ["archive"]


def test_ingest_tells_its_progress_apart_from_its_result(settings):
    (settings.parent / "dicom").rename(settings.parent / "export")
    settings.write_text(SETTINGS + '[archive]\nkind = "folder"\npath = "export"\n')
    result = run("ingest", settings)
    assert "north: fetching studies: 1 of 1 (100%)" in result.stderr
    assert "1 fetched" in result.stdout
    assert "fetching" not in result.stdout


def test_ingest_reports_all_mistakes_of_all_sections_at_once(settings):
    settings.write_text(SETTINGS.replace("name", "nam") + '[archive]\nkind = "zip"\npth = "x"\n')
    error = run("ingest", settings).exception
    assert {problem.where for problem in error.problems} == {
        *("site.nam", "site.name", "archive.pth", "archive.path"),
    }


def test_scan_drafts_a_manifest_beside_the_settings_and_never_overwrites(settings):
    found = data("scan", settings)
    assert (found["studies"], found["guessed"], found["open"]) == (1, 2, 1)
    assert (settings.parent / "manifest.draft.csv").exists()
    assert isinstance(run("scan", settings).exception, DataError)
    other = settings.parent / "other.csv"
    assert data("scan", settings, "--to", other)["draft"] == str(other)


def test_review_lists_answers_and_stores_them(settings):
    listed = data("review", settings)
    assert listed["open"] == 1
    number = listed["studies"][0]["study"]
    answered = data("review", settings, "--study", number, "--answer", "4 portal", "--by", "Li")
    assert answered["open"] == 0
    assert "said by Li" in run("review", settings, "--study", number).stdout
    assert isinstance(run("review", settings, "--case", 9).exception, DataError)


def test_rotate_key_counts(settings):
    assert data("rotate-key", settings) == {"sealed": 0, "removed": 0}


def test_the_schema_is_printed_as_json():
    result = CliRunner().invoke(hepafed.app, ["site", "manifest-schema"])
    assert json.loads(result.stdout) == manifest_schema()


def test_check_has_the_other_name_too():
    assert run("data-check", "--help").exit_code == 0
