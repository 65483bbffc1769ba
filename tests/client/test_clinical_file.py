"""Clinical tables as spreadsheets save them."""

import io

import numpy as np
import pytest

from client.clinical_file import read_clinical_csv
from shared.errors import ManifestError
from simulations.synthetic.clinical import draw_clinical_rows, write_clinical_csv


@pytest.fixture
def text():
    stream = io.StringIO()
    write_clinical_csv(draw_clinical_rows(12, ["a"], np.random.default_rng(1)), stream)
    return stream.getvalue()


def read(folder, content):
    path = folder / "clinical.csv"
    path.write_bytes(content)
    return read_clinical_csv(path)


def test_a_byte_order_mark_and_semicolons_change_nothing(tmp_path, text):
    plain = read(tmp_path, text.encode())
    other = text.replace(",", ";").replace(".", ",")
    spread = read(tmp_path, b"\xef\xbb\xbf" + other.encode())
    assert spread.rows == plain.rows == 12
    for name, column in plain.table.columns.items():
        assert np.array_equal(column, spread.table.columns[name], equal_nan=True), name


def test_a_wrong_row_is_left_out_and_named_by_its_number(tmp_path, text):
    lines = text.splitlines()
    cells = lines[3].split(",")
    cells[lines[0].split(",").index("response")] = "better"
    lines[3] = ",".join(cells)
    cohort = read(tmp_path, "\n".join(lines).encode())
    assert (cohort.rows, cohort.excluded) == (12, 1)
    assert [problem.where for problem in cohort.problems] == ["row 4, response"]


def test_a_repeated_identifier_is_told_without_it(tmp_path, text):
    lines = text.splitlines()
    cohort = read(tmp_path, "\n".join([*lines, lines[1]]).encode())
    (problem,) = cohort.problems
    assert problem.where == "row 14, patient_id"
    assert "C-0001" not in problem.sentence()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", b'"open'])
def test_what_is_no_table_is_refused(tmp_path, content):
    with pytest.raises(ManifestError):
        read(tmp_path, content)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="no such file"):
        read_clinical_csv(tmp_path / "clinical.csv")
