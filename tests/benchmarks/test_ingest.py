import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "ingest.py"


@pytest.mark.slow
def test_every_road_is_measured_on_a_small_study():
    answer = subprocess.run(
        [
            *(sys.executable, SCRIPT, "--matrix", "64", "--slices", "8", "--syntax", "none"),
            *("--repeats", "1", "--patients", "0", "--json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    costs = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [cost["study"] for cost in costs] == ["none"] * 6
    assert all(cost["cpu_seconds"] > 0 and cost["peak_memory_mb"] > 100 for cost in costs)
    seconds = {cost["road"]: cost["cpu_seconds"] for cost in costs}
    assert seconds["ours, from the cache"] < seconds["ours, every slice"]
