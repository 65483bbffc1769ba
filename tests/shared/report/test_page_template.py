import shutil
import subprocess
import sys
from pathlib import Path

from shared.report.haic_files import write_haic_record
from shared.report.page_style import STYLE
from shared.report.page_template import PAGE

ROOT = Path(__file__).parents[3]


def test_a_report_is_written_where_a_bundle_carried_modules_alone(bare_haic_record, tmp_path):
    bundle, run = tmp_path / "bundle", tmp_path / "run"
    run.mkdir()
    write_haic_record(run, bare_haic_record)
    for module in (ROOT / "shared").rglob("*.py"):
        target = bundle / module.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(module, target)
    probe = (
        "import sys\n"
        f"sys.path[0] = {str(bundle)!r}\n"
        "from pathlib import Path\n"
        "from shared.report.stored_report import write_stored_report\n"
        f"print(write_stored_report(Path({str(run)!r})))"
    )

    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "from MRI and clinic" in (run / "report.html").read_text(encoding="utf-8")


def test_every_class_that_the_page_gives_has_a_look():
    for name in ("banner", "status", "headline", "strip", "pictures", "words", "pairs", "drawing"):
        assert name in PAGE
        assert f".{name}" in STYLE
