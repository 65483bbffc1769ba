import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "training_step.py"


def test_a_case_is_measured_in_a_process_of_its_own():
    case = {"size": 32, "batch": 2, "norm": "group", "steps": 1}
    answer = subprocess.run(
        [sys.executable, SCRIPT, "--one", json.dumps(case)],
        capture_output=True,
        text=True,
        check=True,
    )
    cost = json.loads(answer.stdout)
    assert cost["step_seconds"] > cost["evaluation_seconds"] > 0
    # 38 million weights, their gradients and two Adam moments, four bytes each.
    assert cost["peak_memory_mb"] > 4 * 4 * 36
