"""The command answers people and programs: one JSON object, no traceback, stated exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEPAFED = Path(sys.executable).with_name("hepafed")


def run(*arguments, cwd):
    result = subprocess.run(
        [HEPAFED, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in result.stderr + result.stdout
    return result


def answer(*arguments, cwd):
    result = run(*arguments, "--format", "json", cwd=cwd)
    envelope = json.loads(result.stdout)
    assert envelope["exit_code"] == result.returncode
    assert (envelope["status"] == "ok") is (result.returncode == 0)
    return envelope


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("console")


def test_a_cohort_and_its_check_are_one_json_object_each(folder):
    written = answer("cohort", "synth", "c", "--sites", 1, "--patients", 3, "--seed", 4, cwd=folder)
    assert written["data"]["sites"][0]["patients"] == 3
    checked = answer(
        "site", "check", "c/site-a/site.toml", "--image-size", 32, "--slices-per-patient", 2,
        cwd=folder,
    )  # fmt: skip
    assert checked["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("site", "check", "nowhere.toml"), 4, "nowhere.toml"),
        (("predict", "nothing", "nothing"), 1, "release"),
        (("report", "nothing"), 4, "run.json"),
        (("simulate", "nothing", "--out", "r"), 1, "cohort synth"),
        (
            ("simulate", "x", "--out", "r", "--set", "roundz=3", "--set", "norm=x"),
            4,
            "Did you mean 'rounds'",
        ),
        (("simulate", "x", "--out", "r", "--set", "rounds"), 4, "KEY=VALUE"),
        (("cohort", "synth", "c2", "--patients", 0), 4, "at least 1"),
        (("stats", "nothing.csv", "--out", "s"), 4, "nothing.csv"),
    ],
)
def test_bad_input_gets_a_sentence_and_its_exit_code(folder, arguments, code, words):
    result = run(*arguments, cwd=folder)
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert answer(*arguments, cwd=folder)["exit_code"] == code
