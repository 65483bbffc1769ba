"""The house keeps to its plan: who imports whom, what is named how, what travels to a hospital."""

import dataclasses
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from shared.messages import census, evaluation, image_features, sums, svm, training
from shared.messages.disclosure import LEAVING
from shared.settings import RunSettings, default_config, parse_run_settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared", "client", "server", "simulations")


def tracked_files(*patterns: str) -> list[Path]:
    """Give the repository's own files, tracked or about to be."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def test_import_contracts_are_kept():
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_stage_that_crosses_the_boundary_is_three_files_with_one_stem():
    client = {p.stem.removeprefix("local_") for p in (ROOT / "client").glob("local_*.py")}
    server = {p.stem.removeprefix("federated_") for p in (ROOT / "server").glob("federated_*.py")}
    messages = {p.stem for p in (ROOT / "shared/messages").glob("*.py")}
    assert client == server
    assert client <= messages
    assert {"census", "training", "evaluation"} <= client


@pytest.mark.parametrize("package", [*PACKAGES, "hepafed"])
def test_no_installed_distribution_claims_our_package_names(package):
    owners = set(packages_distributions().get(package, []))
    assert owners <= {"hepafed"}


def test_nothing_outside_tests_is_named_so_that_flower_drops_it():
    dropped = [
        path.relative_to(ROOT)
        for path in tracked_files("*.py")
        if path.relative_to(ROOT).parts[0] != "tests"
        and (path.name.startswith("test_") or path.stem.endswith("_test"))
    ]
    assert dropped == []


def test_no_module_hides_behind_an_empty_name():
    vague = {"utils", "helpers", "common", "misc", "base", "manager"}
    found = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if vague & {*path.relative_to(ROOT).with_suffix("").parts}
    ]
    assert found == []


def test_no_module_takes_a_standard_library_name_at_the_root():
    ours = {path.stem for path in ROOT.glob("*.py")} | set(PACKAGES)
    assert ours.isdisjoint(sys.stdlib_module_names)


def test_modules_stay_at_one_idea():
    # 320 leaves room for a module whose docstrings carry derivations; the aim is 300.
    long = {
        str(path.relative_to(ROOT)): lines
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 320
    }
    assert long == {}


def test_no_file_knows_the_machine_it_was_written_on():
    # Absolute paths of a developer's machine and package-registry hosts; the pattern is
    # assembled so that this file does not match itself.
    pattern = re.compile(
        r"(?<![\w.~-])/(?:" + "|".join(["wor" + "k", "hom" + "e/\\w+", "roo" + "t"]) + r")/"
        r"|--(?:extra-)?index" + "-url|find" + "-links"
    )
    found = []
    for path in tracked_files():
        if path.suffix in {".png", ".dcm", ".safetensors", ".npz"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_pyproject_lists_every_run_setting_with_its_default():
    with (ROOT / "pyproject.toml").open("rb") as file:
        config = tomllib.load(file)["tool"]["flwr"]["app"]["config"]
    assert config == default_config()
    assert parse_run_settings(config) == RunSettings()


def test_help_needs_no_heavy_library():
    probe = (
        "import sys, hepafed\n"
        "heavy = {'torch', 'flwr', 'SimpleITK', 'matplotlib', 'scipy', 'pydicom', 'sklearn'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_closed_list_names_every_field_of_every_reply():
    replies = {
        name: {field.name for field in dataclasses.fields(kind)}
        for module in (census, training, image_features, evaluation, sums, svm)
        for name, kind in vars(module).items()
        if name.endswith("Reply") and dataclasses.is_dataclass(kind)
    }
    assert replies == {name: set(listed) for name, listed in LEAVING.items()}
