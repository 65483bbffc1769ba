"""A data manager's way: three hospitals' exports with planted defects to a clean report.

Every defect must be named with its fix, and everything else must be usable.
"""

import csv
import json
import shutil

import pytest
from typer.testing import CliRunner

import hepafed
from client.data_check import PRIVATE_NAME, SHAREABLE_NAME
from shared.errors import HepafedError
from shared.vocabulary import CtPhase
from simulations.synthetic import defects
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.dicom_export import list_instances, rewrite
from simulations.synthetic.spec import CohortSpec, SiteSpec

pytestmark = pytest.mark.slow
PATIENTS = 7
NAMES = ("north", "east", "south")
SPEC = CohortSpec(
    sites=tuple(
        SiteSpec(name, PATIENTS, scanner)
        for name, scanner in zip(NAMES, ("siemens", "ge", "uih"), strict=True)
    ),
    seed=3,
    matrix=48,
    slices=12,
)
SETTINGS = """\
[site]
name = "{name}"
dicom = "dicom"
manifest = "manifest.csv"
[device]
accelerator = "cpu"
[policy]
minimum_count = 5
[archive]
kind = "folder"
path = "export"
"""
CHECK = ("--image-size", "32", "--slices-per-patient", "2", "--workers", "1")


def hepafed_says(*words):
    """Run a command as a person does; give what it prints, or what it refuses with."""
    result = CliRunner().invoke(hepafed.app, [str(word) for word in words])
    if isinstance(result.exception, HepafedError):
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return result.stdout


def check(folder):
    said = hepafed_says("site", "check", folder / "site.toml", *CHECK, "--format", "json")
    return json.loads(said)["data"]


def wrong(checked):
    """Give place and words of every error and warning."""
    return {
        problem["where"]: f"{problem['got']} | {problem['fix']}"
        for problem in checked["problems"]
        if problem["level"] != "info"
    }


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort") / "c"
    write_cohort(SPEC, out, workers=2, progress=None)
    return out


@pytest.fixture
def damaged(exports, tmp_path):
    """Give a hospital's folder: an export with defects, and settings; nothing else yet."""

    def prepare(name, **damages):
        folder = tmp_path / name
        shutil.copytree(exports / name / "dicom", folder / "dicom")
        for patient, damage in damages.items():
            damage(study_of(folder, patient))
        (folder / "dicom").rename(folder / "export")
        (folder / "site.toml").write_text(SETTINGS.format(name=name))
        return folder

    return prepare


def study_of(folder, patient):
    """Find the study of ``p3``, the third patient of a folder's hospital."""
    number = NAMES.index(folder.name) + 1
    return defects.find_study(folder, f"S{number}-000{patient.removeprefix('p')}")


def bring_in(folder, exports):
    """Ingest, scan, and fill in the responses that the hospital's own records have."""
    assert f"{PATIENTS} of {PATIENTS} studies wanted" in hepafed_says(
        "site", "ingest", folder / "site.toml"
    )
    hepafed_says("site", "scan", folder / "site.toml")
    with (exports / folder.name / "manifest.csv").open() as file:
        known = {row["study_uid"]: row["response"] for row in csv.DictReader(file)}
    with (folder / "manifest.draft.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["response"] = known[row["study_uid"]]
    with (folder / "manifest.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return [row["patient_id"][-1] for row in rows]


def test_broken_series_are_named_and_two_candidates_are_answered(damaged, exports):
    folder = damaged(
        "north",
        p1=lambda study: defects.truncate_file(study, CtPhase.PORTAL),
        p2=lambda study: defects.remove_phase(study, CtPhase.ARTERIAL),
        p3=lambda study: defects.add_second_candidate(study, CtPhase.ARTERIAL),
        p4=lambda study: defects.remove_slice(study, CtPhase.PLAIN),
    )
    bring_in(folder, exports)
    checked = check(folder)
    named = wrong(checked)
    assert named.keys() == {
        *("case 1, portal phase", "case 2, arterial phase"),
        *("case 3, arterial phase", "case 4, plain phase"),
    }
    assert "cut short" in named["case 1, portal phase"]
    assert "none (the study has plain, portal)" in named["case 2, arterial phase"]
    assert "2 candidates" in named["case 3, arterial phase"]
    assert "arterial_series" in named["case 3, arterial phase"]
    assert "1 image(s) missing" in named["case 4, plain phase"]
    assert (checked["patients"], checked["excluded"]) == (PATIENTS - 4, 4)

    settings = folder / "site.toml"
    assert "2 candidates" in hepafed_says("site", "review", settings)
    said = hepafed_says(
        *("site", "review", settings, "--case", 3, "--answer", "3 arterial", "--by", "Dr Li")
    )
    assert "said by Dr Li" in said
    assert check(folder)["patients"] == PATIENTS - 3

    page = (folder / "work" / PRIVATE_NAME).read_text(encoding="utf-8")
    shared = json.loads((folder / "work" / SHAREABLE_NAME).read_text(encoding="utf-8"))
    assert "cut short" in page
    assert shared["leaves"]["excluded_patients"] is None  # 3 could be recognised


def test_mixed_images_and_identifiers_are_named_and_can_be_corrected(damaged, exports):
    folder = damaged(
        "east",
        p1=lambda study: defects.mix_orientations(study, CtPhase.PLAIN),
        p2=lambda study: defects.forget_orientation(study, CtPhase.PORTAL),
        p3=lambda study: defects.share_patient_id(study_of(study.parent.parent, "p4"), study),
        p5=defects.add_text_file,
    )
    told = hepafed_says("site", "ingest", folder / "site.toml")
    assert "not DICOM" in told
    assert bring_in(folder, exports) == ["1", "2", "4", "4", "5", "6", "7"]
    checked = check(folder)
    named = wrong(checked)
    assert named.keys() == {
        *("case 1, plain phase", "case 2, portal phase"),
        *("case 3, column patient_id", "case 4, column patient_id"),
    }
    assert "it is sagittal" in named["case 1, plain phase"]
    assert "without orientation" in named["case 2, portal phase"]
    assert "2 rows share" in named["case 3, column patient_id"]
    assert checked["patients"] == PATIENTS - 3


def test_mistakes_of_tables_and_silent_headers_are_named_and_corrected(damaged, exports):
    def silence(study):
        for image in list_instances(study):
            if image.phase is CtPhase.PORTAL:
                rewrite(image.path, SeriesDescription="Abd 5.0", ContrastBolusStartTime="")

    folder = damaged("south", p4=silence)
    settings = folder / "site.toml"
    bring_in(folder, exports)
    whole = settings.read_text()
    defects.break_site_settings(folder)
    refused = hepafed_says("site", "check", settings, *CHECK)
    assert "site.manifets: " in refused
    assert "Did you mean 'manifest'?" in refused
    assert "device.accelerator: " in refused
    assert "policy.minimum_count: " in refused
    settings.write_text(whole)

    correct = (folder / "manifest.csv").read_bytes()
    defects.write_unknown_response(folder, 1)
    defects.repeat_manifest_row(folder, 2)
    named = wrong(check(folder))
    assert named["case 2, column response"].startswith("'NE' | ")
    assert "2 rows share" in named["case 3, column patient_id"]
    assert "2 rows share" in named["case 8, column patient_id"]
    assert "none that is certain; undecided are series 4" in named["case 4, portal phase"]
    assert len(named) == 4

    (folder / "manifest.csv").write_bytes(correct)
    hepafed_says(*("site", "review", settings, "--case", 4, "--answer", "4 portal", "--by", "Li"))
    checked = check(folder)
    assert wrong(checked) == {}
    assert (checked["patients"], checked["excluded"]) == (PATIENTS, 0)
