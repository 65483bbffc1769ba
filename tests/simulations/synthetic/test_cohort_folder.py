"""A cohort's folder is taken by one specification, and never from something else."""

import pytest

from shared.errors import HepafedError
from simulations.synthetic.cohort_folder import claim_folder


def test_a_start_that_was_stopped_at_once_can_be_repeated(tmp_path):
    claim_folder(tmp_path / "c", "a")
    claim_folder(tmp_path / "c", "a")
    assert [entry.name for entry in (tmp_path / "c").iterdir()] == ["truth"]


@pytest.mark.parametrize("name", ["notes.txt", "truth/notes.txt"])
def test_a_folder_with_other_files_is_left_alone(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(HepafedError, match="another folder"):
        claim_folder(tmp_path, "a")


def test_a_folder_of_another_specification_is_refused(tmp_path):
    (tmp_path / "cohort.json").write_text('{"digest": "b"}', encoding="utf-8")
    with pytest.raises(HepafedError, match="another one"):
        claim_folder(tmp_path, "a")
