import json
import sys

import pytest

import hepafed


@pytest.fixture
def run(monkeypatch, capsys):
    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["hepafed", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            hepafed.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


def test_the_same_seed_writes_the_same_cohort(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        code, _, _ = run("cohort", "clinical", tmp_path / f"{name}.csv", "--seed", seed)
        assert code == 0
    first, again, other = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert first == again != other
    assert first.count(b"\n") == 128


def test_statistics_of_an_invented_cohort_end_to_end(run, tmp_path, cohort_csv):
    out = tmp_path / "out"
    code, printed, errors = run(
        "stats", cohort_csv, "--out", out, "--sites", 3, "--no-models", "--show-small-counts"
    )
    assert (code, errors) == (0, "")
    assert "5.595 (1.220–25.660)" in printed
    assert (out / "statistics.html").is_file()
    assert not (out / "fig_roc.svg").exists()


def test_json_is_one_object_with_the_problems_in_it(run, tmp_path, cohort_csv):
    lines = cohort_csv.read_text("utf-8").splitlines()
    lines[1] = lines[1].replace(lines[1].split(",")[2], "better", 1)
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join(lines), encoding="utf-8")
    code, printed, errors = run(
        "stats", bad, "--out", tmp_path / "out", "--no-models", "--format", "json"
    )
    assert code == 0
    answer = json.loads(printed)
    assert answer["status"] == "ok"
    assert answer["data"]["excluded_rows"] == 1
    assert any("row 2, response" in problem for problem in answer["data"]["problems"])
    assert "1 of 127 rows left out." in errors


def test_a_table_without_columns_is_answered_with_all_that_lack(run, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("patient_id,age\n1,60\n", encoding="utf-8")
    code, printed, errors = run("stats", path, "--out", tmp_path / "out")
    assert (code, printed) == (4, "")
    assert errors.count("column '") == 25
    assert not (tmp_path / "out").exists()


def test_a_small_site_is_refused_by_name(run, tmp_path, cohort_csv):
    code, _, errors = run("stats", cohort_csv, "--out", tmp_path / "out", "--sites", 40)
    assert code == 1
    assert "site 'site-01'" in errors
