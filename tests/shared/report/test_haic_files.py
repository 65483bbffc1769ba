from dataclasses import replace

import pytest

from shared.errors import SettingsError
from shared.report.haic_files import read_haic_record, record_digest, write_haic_record
from shared.report.haic_record import BayesAucs, haic_from_json, haic_to_json
from shared.report.run_files import write_run_record


def test_a_record_comes_back_equal_from_its_folder(haic_record, tmp_path):
    written = write_haic_record(tmp_path, haic_record)

    assert read_haic_record(tmp_path) == haic_record
    assert [p.name for p in tmp_path.iterdir()] == [written.name] == ["run.json"]


def test_a_record_that_cannot_be_written_leaves_the_old_one(haic_record, tmp_path):
    write_haic_record(tmp_path, haic_record)

    with pytest.raises(SettingsError, match=r"bayes\.fusion"):
        write_haic_record(tmp_path, replace(haic_record, bayes=BayesAucs(fusion=float("nan"))))

    assert read_haic_record(tmp_path) == haic_record


def test_the_record_of_another_study_is_refused(record, tmp_path):
    write_run_record(tmp_path, record)

    with pytest.raises(SettingsError, match="hepafed-haic-record/1"):
        read_haic_record(tmp_path)


def test_the_digest_of_a_record_follows_its_content_alone(haic_record):
    again = haic_from_json(haic_to_json(haic_record))

    assert record_digest(again) == record_digest(haic_record)
    assert record_digest(replace(haic_record, seed=8)) != record_digest(haic_record)
