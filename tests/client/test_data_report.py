"""What a data manager reads."""

import json

from client.data_report import problem_table, write_data_report
from shared.errors import Level, Problem

ERROR = Problem("case 3", "2 studies of this patient", "one study", "Write the StudyInstanceUID.")
NOTE = Problem("header", "2 further column(s)", "known columns", "Nothing to do.", Level.INFO)


def test_errors_come_first_with_what_to_do_and_a_count():
    table = problem_table([NOTE, ERROR])
    assert table.index("case 3: 2 studies") < table.index("header: 2 further")
    assert "Write the StudyInstanceUID." in table
    assert table.endswith("1 error, 1 info")


def test_long_sentences_are_folded():
    long = Problem("case 1", "x " * 200, "y", "z")
    assert max(map(len, problem_table([long]).splitlines())) <= 100


def test_nothing_wrong_is_said():
    assert problem_table([]) == "no problems"


def test_the_report_is_json_with_counts_and_problems(tmp_path):
    write_data_report(tmp_path / "work", [ERROR], usable=4, excluded=1)
    report = json.loads((tmp_path / "work" / "data_report.json").read_text(encoding="utf-8"))
    assert (report["usable_patients"], report["excluded_patients"]) == (4, 1)
    assert report["problems"][0]["where"] == "case 3"
