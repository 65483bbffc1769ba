import codecs

import numpy as np
import pytest

from client.clinical_file import read_clinical_csv
from shared.errors import DataError, Level, ManifestError
from simulations.clinical.cohort_file import divide, problem_lines


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def written(tmp_path, lines, prefix=b""):
    path = tmp_path / "cohort.csv"
    path.write_bytes(prefix + "\n".join(lines).encode())
    return path


def with_cell(lines, row, column, text):
    cells = lines[row].split(",")
    cells[lines[0].split(",").index(column)] = text
    return [*lines[:row], ",".join(cells), *lines[row + 1 :]]


def test_a_byte_order_mark_and_semicolons_with_decimal_commas_read_alike(tmp_path, cohort_csv):
    plain = read_clinical_csv(cohort_csv).table
    swapped = str.maketrans(",.", ";,")
    lines = [line.translate(swapped) for line in lines_of(cohort_csv)]
    other = read_clinical_csv(written(tmp_path, [*lines, "", ""], codecs.BOM_UTF8))
    assert other.problems == ()
    assert other.table.responses == plain.responses
    for name, column in plain.columns.items():
        np.testing.assert_array_equal(other.table.columns[name], column)


def test_all_problems_are_listed_and_bad_rows_are_left_out(tmp_path, cohort_csv):
    lines = lines_of(cohort_csv)
    for row, column, text in (
        (1, "response", "better"),
        (2, "ast_u_l", "high"),
        (3, "sex_male", "2"),
        (4, "albumin_g_l", "3.9"),
        (5, "os_days", "-3"),
        (5, "pfs_event", "yes"),
    ):
        lines = with_cell(lines, row, column, text)
    lines = with_cell(lines, 7, "patient_id", lines[6].split(",")[0])
    cohort = read_clinical_csv(written(tmp_path, lines))
    assert (cohort.rows, cohort.excluded) == (127, 5)
    errors = [p.where for p in cohort.problems if p.level is Level.ERROR]
    assert errors == [
        "row 2, response",
        "row 3, ast_u_l",
        "row 4, sex_male",
        "row 5, albumin_g_l",
        "row 6, os_days",
        "row 6, pfs_event",
    ]
    (warning,) = (p for p in cohort.problems if p.level is Level.WARNING)
    assert warning.where == "row 8, patient_id"
    text = "\n".join(problem_lines(cohort))
    assert "5 of 127 rows left out." in text
    assert lines[6].split(",")[0] not in text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"response,\xff\xfe", "UTF-8"),
        (b'response,"ast_u_l\n1,2', "cannot be read"),
        (b"age,sex\n1,2", "lacks columns"),
    ],
)
def test_what_is_no_cohort_is_refused_in_words(tmp_path, content, expected):
    path = tmp_path / "cohort.csv"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=expected):
        read_clinical_csv(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="no such file"):
        read_clinical_csv(tmp_path / "nowhere.csv")


def test_the_site_column_divides_unless_a_number_of_sites_is_given(cohort):
    assert set(divide(cohort.table, None, 1)) == {"north", "south", "east"}
    parts = divide(cohort.table, 6, 1)
    assert set(parts) == {f"site-{k}" for k in range(1, 7)}
    events = [sum(word.value == "PD" for word in part.responses) for part in parts.values()]
    assert max(events) - min(events) <= 1
    assert sum(len(part.responses) for part in parts.values()) == 127


def test_patients_without_a_site_are_counted_in_the_refusal(tmp_path, cohort_csv):
    lines = with_cell(with_cell(lines_of(cohort_csv), 1, "site", ""), 9, "site", "")
    with pytest.raises(DataError, match="none for 2 of 127"):
        divide(read_clinical_csv(written(tmp_path, lines)).table, None, 1)


def test_every_small_site_is_named(cohort):
    with pytest.raises(DataError) as caught:
        divide(cohort.table.rows(range(27)), 9, 1)
    assert len(caught.value.problems) == 9
