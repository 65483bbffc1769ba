from dataclasses import replace

import pytest

from shared.errors import SettingsError
from shared.report.run_files import read_run_record, write_run_record


def test_a_record_comes_back_equal_from_its_folder(record, tmp_path):
    written = write_run_record(tmp_path, record)

    assert written == tmp_path / "run.json"
    assert read_run_record(tmp_path) == record
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_record_that_cannot_be_written_leaves_the_old_one(record, tmp_path):
    write_run_record(tmp_path, record)

    with pytest.raises(SettingsError, match="bayes_auc"):
        write_run_record(tmp_path, replace(record, bayes_auc=float("nan")))

    assert read_run_record(tmp_path) == record


def test_a_folder_without_a_record_is_answered_with_what_to_do(tmp_path):
    with pytest.raises(SettingsError, match=r"Expected run\.json .* Give the folder of a finished"):
        read_run_record(tmp_path)


def test_a_record_cut_short_is_answered_with_what_to_do(record, tmp_path):
    path = write_run_record(tmp_path, record)
    path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")

    with pytest.raises(SettingsError, match="cut short"):
        read_run_record(tmp_path)
