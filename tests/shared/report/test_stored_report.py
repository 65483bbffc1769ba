import pytest

from shared.errors import SettingsError
from shared.report.haic_files import write_haic_record
from shared.report.run_files import RECORD_NAME, write_run_record
from shared.report.stored_report import write_stored_report


def test_each_study_gets_its_own_report(record, bare_haic_record, tmp_path):
    for name, write, stored in (
        ("ct", write_run_record, record),
        ("mri", write_haic_record, bare_haic_record),
    ):
        folder = tmp_path / name
        folder.mkdir()
        write(folder, stored)
        assert write_stored_report(folder) == folder / "report.html"

    assert "from MRI and clinic" in (tmp_path / "mri" / "report.html").read_text(encoding="utf-8")
    assert "from MRI and clinic" not in (tmp_path / "ct" / "report.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("text", ["{}", "[]", '{"format": "hepafed-haic-record/9"}'])
def test_a_record_of_an_unknown_version_is_refused(tmp_path, text):
    (tmp_path / RECORD_NAME).write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match="cannot be read"):
        write_stored_report(tmp_path)
