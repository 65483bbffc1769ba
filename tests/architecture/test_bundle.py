"""The Flower app bundle carries every module it needs, and nothing else of ours."""

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from flwr.cli.build import build_fab_from_disk

ROOT = Path(__file__).parents[2]

# Flower's own build reads .gitignore in a way that its path library has since renamed.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


@pytest.fixture(scope="module")
def bundle() -> zipfile.ZipFile:
    return zipfile.ZipFile(BytesIO(build_fab_from_disk(ROOT)))


def test_the_bundle_contains_every_module_of_client_server_and_shared(bundle):
    expected = {
        str(path.relative_to(ROOT))
        for package in ("client", "server", "shared")
        for path in (ROOT / package).rglob("*.py")
    }
    carried = {name for name in bundle.namelist() if name.endswith(".py")}
    assert carried == expected


def test_both_apps_import_from_the_unpacked_bundle_alone(bundle, tmp_path):
    bundle.extractall(tmp_path)
    probe = (
        "import sys\n"
        f"sys.path[0] = {str(tmp_path)!r}\n"
        "import client.app, server.app\n"
        "print(client.app.__file__, server.app.__file__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(str(tmp_path)) == 2
