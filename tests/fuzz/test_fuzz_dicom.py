import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "fuzz_dicom.py"


def test_every_damaged_file_ends_as_an_image_or_a_sentence(tmp_path):
    results = tmp_path / "results"
    answer = subprocess.run(
        [
            *(sys.executable, SCRIPT, "--files", "60", "--seed", "3"),
            *("--more", tmp_path / "none", "--results", results),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    records = [json.loads(line) for line in results.read_text().splitlines()]
    assert [record["case"] for record in records] == list(range(60))
    outcomes = {record["outcome"] for record in records}
    assert {"usable volume", "left out while scanning", "image refused"} <= outcomes
    assert all(record["sentence"] for record in records if "usable" not in record["outcome"])
