"""A written MRI cohort is complete, deterministic, resumable, and keeps its truth to itself."""

import csv
import hashlib
import json
import shutil
import tomllib

import numpy as np
import pytest

from client.clinical_site import rotation_secret
from client.site_settings import read_site_settings
from shared.cohort.clinical_table import parse_clinical_table
from shared.cohort.fusion_columns import READERS
from shared.errors import HepafedError, Level
from simulations.synthetic.mri_cohort import mri_study_folder, write_mri_cohort
from simulations.synthetic.mri_patient import draw_mri_patient, paint_image
from simulations.synthetic.mri_scanner import MrImage
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec
from simulations.synthetic.tissue import IN_LIVER

SPEC = MriCohortSpec(
    sites=(MriSiteSpec("site-a", 2, "ge"), MriSiteSpec("site-b", 2, "uih")),
    seed=5,
    columns=40,
    slices=8,
)


def bytes_of(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table_of(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.reader(stream))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort") / "out"
    calls = []
    summary = write_mri_cohort(SPEC, out, workers=1, progress=lambda *done: calls.append(done))
    return out, summary, calls


def test_same_specification_gives_the_same_bytes_with_any_number_of_workers(written, tmp_path):
    write_mri_cohort(SPEC, tmp_path / "again", workers=2, progress=None)
    assert bytes_of(tmp_path / "again") == bytes_of(written[0])


def test_an_interrupted_cohort_is_completed_to_the_same_bytes(written, tmp_path):
    out = written[0]
    partial = tmp_path / "partial"
    shutil.copytree(out, partial)
    (partial / "truth" / "M1-0002.json").unlink()
    broken = mri_study_folder(SPEC, partial, draw_mri_patient(SPEC, 0, 1))
    next(path for path in broken.rglob("*") if path.is_file()).unlink()
    calls = []
    write_mri_cohort(SPEC, partial, workers=1, progress=lambda *done: calls.append(done))
    assert calls == [(4, 4)]
    assert bytes_of(partial) == bytes_of(out)


def test_progress_counts_every_patient(written):
    assert written[2] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_folder_with_another_cohort_is_refused(written):
    other = MriCohortSpec(sites=SPEC.sites, seed=6, columns=40, slices=8)
    with pytest.raises(HepafedError, match="another folder"):
        write_mri_cohort(other, written[0], workers=1, progress=None)


def test_a_site_holds_studies_manifest_clinical_table_and_settings_but_no_truth(written):
    out = written[0]
    for site in ("site-a", "site-b"):
        assert {entry.name for entry in (out / site).iterdir()} == {
            "clinical.csv",
            "dicom",
            "manifest.csv",
            "rotation.key",
            "site.toml",
        }
        assert len(list((out / site / "dicom").iterdir())) == 2
    settings = tomllib.loads((out / "site-a" / "site.toml").read_text(encoding="utf-8"))
    assert settings["site"]["clinical"] == "clinical.csv"


def test_manifest_and_clinical_table_tell_the_same_responses(written):
    out, summary, _ = written
    for site, counts in zip(("site-a", "site-b"), summary.sites, strict=True):
        manifest = table_of(out / site / "manifest.csv")
        clinical = table_of(out / site / "clinical.csv")
        assert manifest[0][:3] == ["patient_id", "study_uid", "response"]
        assert [(row[0], row[2]) for row in manifest] == [(row[0], row[2]) for row in clinical]
        assert sum(row[2] == "PD" for row in manifest) == counts.events


def test_clinical_tables_pass_the_schema(written):
    for site in ("site-a", "site-b"):
        header, *rows = table_of(written[0] / site / "clinical.csv")
        parsed, problems = parse_clinical_table(header, rows)
        assert {one.where for one in problems} == {f"column '{name}'" for name in READERS}
        assert {one.level for one in problems} == {Level.INFO}
        assert len(parsed.responses) == 2


def test_both_readers_call_every_patient(written):
    for site in ("site-a", "site-b"):
        header, *rows = table_of(written[0] / site / "clinical.csv")
        calls = np.array(rows)[:, [header.index(name) for name in READERS]]
        assert set(calls.ravel()) <= {"0", "1"}
        assert calls.shape == (2, 2)


def test_all_sites_share_a_secret_that_only_its_owner_reads(written):
    keys = [written[0] / site / "rotation.key" for site in ("site-a", "site-b")]
    assert len({key.read_bytes() for key in keys}) == 1
    assert {
        len(rotation_secret(read_site_settings(key.with_name("site.toml")))) for key in keys
    } == {64}
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_the_manifest_tells_where_the_liver_of_the_arterial_images_lies(written):
    _, *rows = table_of(written[0] / "site-a" / "manifest.csv")
    patient = draw_mri_patient(SPEC, 0, 0)
    low, high = float(rows[0][3]), float(rows[0][4])
    seen = paint_image(patient, MrImage.T1_ARTERIAL)
    heights = np.array(patient.scans[MrImage.T1_ARTERIAL].geometry.heights_mm()) + patient.table_mm
    inside = (heights >= low - 1e-3) & (heights <= high + 1e-3)
    volume = np.isin(seen.labels, IN_LIVER).sum(axis=(1, 2))
    assert volume[inside].sum() > 0.9 * volume.sum()
    assert inside.sum() < len(heights)


def test_truth_holds_displacement_and_reception_of_each_image(written):
    truth = json.loads((written[0] / "truth" / "M1-0001.json").read_text(encoding="utf-8"))
    patient = draw_mri_patient(SPEC, 0, 0)
    images = truth["images"]
    assert set(images) == {str(image) for image in patient.scans}
    assert images["t1_arterial"]["displacement"]["superior_mm"] == 0.0
    assert images["in_phase"]["displacement"] == images["opposed"]["displacement"]
    for image, scan in patient.scans.items():
        assert images[image]["displacement"]["superior_mm"] == scan.displacement.superior_mm
        assert images[image]["gain"] == scan.reception.gain
    assert truth["probability"]["fusion"] == patient.outcome.probabilities.fusion
    assert truth["study_uid"] in (written[0] / "site-a" / "manifest.csv").read_text()


def test_description_tells_the_best_possible_aucs_and_the_counts(written):
    out, summary, _ = written
    record = json.loads((out / "cohort.json").read_text(encoding="utf-8"))
    assert record["complete"] is True
    assert record["bayes_auc"]["fusion"] == pytest.approx(summary.bayes.fusion, abs=1e-4)
    assert record["progressive_disease"] == summary.events
    assert record["spec"]["seed"] == 5


def test_folder_and_file_names_carry_no_patient_number(written):
    names = [str(path.relative_to(written[0])) for path in (written[0] / "site-a").rglob("*")]
    assert not any("M1-" in name for name in names)
