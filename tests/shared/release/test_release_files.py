import json

import numpy as np
import pytest

from shared.errors import ReleaseError
from shared.release.release_files import json_bytes, read_files, weights_bytes, write_files

CONTENTS = {"settings.json": b'{"a": 1}\n', "model_card.md": b"card"}


def test_files_come_back_with_the_digest_they_were_written_under(tmp_path):
    digest = write_files(tmp_path / "release", CONTENTS)
    files = read_files(tmp_path / "release", tuple(CONTENTS))

    assert files.contents == CONTENTS
    assert (files.digest, files.problems) == (digest, [])
    assert files.json_of("settings.json") == {"a": 1}


@pytest.mark.parametrize(("content", "came"), [(b"{", "not JSON"), (b"null", "nothing but null")])
def test_a_file_without_facts_is_a_problem(tmp_path, content, came):
    write_files(tmp_path / "release", {"settings.json": content})
    files = read_files(tmp_path / "release", ("settings.json",))

    assert files.json_of("settings.json") is None
    assert came in files.problems[0].got


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").write_bytes(b"years")

    with pytest.raises(ReleaseError, match="Choose another folder"):
        write_files(tmp_path, CONTENTS)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_the_order_of_names_does_not_change_a_byte():
    one, two = np.ones(2, dtype=np.float32), np.zeros(3, dtype=np.float32)

    assert weights_bytes({"a": one, "b": two}) == weights_bytes({"b": two, "a": one})
    assert json_bytes({"a": 1, "b": 2}) == json_bytes({"b": 2, "a": 1})
    assert json.loads(json_bytes({"b": 0.1 + 0.2}))["b"] == 0.1 + 0.2
