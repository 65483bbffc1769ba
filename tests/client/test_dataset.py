"""A whole site, from its settings file to patients ready for training."""

import csv
import json
import shutil
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from client.catalogue import CatalogueStore
from client.catalogue_records import Confirmation
from client.dataset import open_site
from client.site_settings import read_site_settings
from shared.cohort.endpoint import OBJECTIVE_RESPONSE
from shared.errors import DataError, Level
from shared.settings import RunSettings
from shared.tasks.preparation_settings import CtPreparation
from shared.vocabulary import CtPhase, Split
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, SiteSpec

PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
PREPARATION = CtPreparation(PHASES, image_size=32, slices_per_patient=2)
RUN = RunSettings(image_size=32, slices_per_patient=2)
PATIENTS = 6


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort") / "c"
    sites = (SiteSpec("site-a", PATIENTS, "siemens"),)
    write_cohort(CohortSpec(sites, seed=7, matrix=48, slices=12), out, workers=1, progress=None)
    _open(read_site_settings(out / "site-a" / "site.toml"))  # prepared once, copied by every test
    return out / "site-a"


@pytest.fixture
def site(cohort, tmp_path):
    """A copy of the site whose files may be changed; the images are linked, not copied."""
    for source in sorted(cohort.rglob("*")):
        target = tmp_path / source.relative_to(cohort)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif source.is_relative_to(cohort / "dicom"):
            target.hardlink_to(source)
        else:
            shutil.copy2(source, target)
    return read_site_settings(tmp_path / "site.toml")


def _open(site, **changes):
    return open_site(site, replace(RUN, **changes), PREPARATION, OBJECTIVE_RESPONSE)


def _rewrite(site, change):
    with site.manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, 1):
        change(number, row)
    with site.manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def _files(site, case):
    with site.manifest.open(encoding="utf-8", newline="") as file:
        uid = list(csv.DictReader(file))[case - 1]["study_uid"]
    with closing(CatalogueStore(site.work)) as store:
        return [site.dicom / f.path for f in store.files().values() if f.study_uid == uid]


def test_every_patient_is_prepared_with_event_and_split(site):
    data = _open(site)
    assert [patient.case for patient in data.patients] == list(range(1, PATIENTS + 1))
    assert all(patient.images.shape == (2, 3, 32, 32) for patient in data.patients)
    assert {patient.event for patient in data.patients} == {True, False}
    assert data.excluded == 0
    assert data.problems == ()


def test_the_second_opening_takes_the_same_images_from_the_cache(site):
    first = _open(site)
    names = sorted(path.name for path in (site.work / "prepared").iterdir())
    times = [path.stat().st_mtime_ns for path in sorted((site.work / "prepared").iterdir())]
    second = _open(site)
    assert names == sorted(path.name for path in (site.work / "prepared").iterdir())
    assert times == [p.stat().st_mtime_ns for p in sorted((site.work / "prepared").iterdir())]
    for one, other in zip(first.patients, second.patients, strict=True):
        assert np.array_equal(one.images, other.images)
        assert (one.case, one.event, one.split) == (other.case, other.event, other.split)


def _prepared(site):
    return sorted((site.work / "prepared").iterdir())


def test_a_flipped_bit_is_named_by_case_and_the_study_is_prepared_again(site):
    before = _open(site).patients
    damaged = _prepared(site)[0]
    content = bytearray(damaged.read_bytes())
    content[-100] ^= 1
    damaged.write_bytes(content)
    data = _open(site)
    (problem,) = data.problems
    assert problem.level is Level.WARNING
    assert problem.where in {f"case {n}" for n in range(1, PATIENTS + 1)}
    assert "damaged" in problem.got
    for one, other in zip(before, data.patients, strict=True):
        assert np.array_equal(one.images, other.images)
    assert _open(site).problems == ()


def test_another_key_is_named_by_case_and_everything_is_prepared_again(site):
    before = _open(site).patients
    key = site.work / "cache.key"
    key.unlink()
    data = _open(site)  # makes a new key
    assert [problem.where for problem in data.problems] == [
        f"case {n}" for n in range(1, PATIENTS + 1)
    ]
    assert all("another key" in problem.got for problem in data.problems)
    assert np.array_equal(data.patients[0].images, before[0].images)


def test_a_site_that_does_not_encrypt_gets_the_same_images(site):
    before = _open(site).patients
    plain = replace(site, work=site.work / "plain", cache=replace(site.cache, encrypt=False))
    after = _open(plain).patients
    assert all(np.array_equal(a.images, b.images) for a, b in zip(before, after, strict=True))
    assert not (plain.work / "cache.key").exists()


def _confirm(site, volume_id, value, uid):
    with closing(CatalogueStore(site.work)) as store:
        store.confirm(Confirmation(uid, volume_id, value, "Dr Who", "2026-01-01T00:00:00+00:00"))


def _study_of(site, case):
    with site.manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[case - 1]["study_uid"]


def test_a_confirmed_liver_range_chooses_the_slices(site):
    before = _open(site)
    with site.manifest.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    low, high = float(row["liver_lower_mm"]), float(row["liver_upper_mm"])
    _confirm(site, "", f"{low} {(low + high) / 2}", row["study_uid"])
    after = _open(site)
    assert not np.array_equal(before.patients[0].images, after.patients[0].images)
    assert np.array_equal(before.patients[1].images, after.patients[1].images)
    assert [(p.where, p.level) for p in after.problems if p.level is not Level.INFO] == [
        ("case 1", Level.WARNING)  # the manifest says otherwise
    ]


def test_a_confirmed_role_overrides_the_header_and_none_leaves_the_series_out(site):
    _open(site)
    uid = _study_of(site, 1)
    with closing(CatalogueStore(site.work)) as store:
        by_phase = {s.role: s.volume_id for s in store.series()[uid] if s.role}
    _confirm(site, by_phase[CtPhase.ARTERIAL], "none", uid)
    data = _open(site)
    assert data.excluded == 1
    (error,) = [p for p in data.problems if p.level is Level.ERROR]
    assert error.where == "case 1, arterial phase"
    _confirm(site, by_phase[CtPhase.ARTERIAL], "arterial", uid)
    assert _open(site).excluded == 0


def test_two_workers_give_what_one_gives(site):
    one = _open(site)
    for path in (site.work / "prepared").iterdir():
        path.unlink()
    calls = []
    two = open_site(
        site,
        RUN,
        PREPARATION,
        OBJECTIVE_RESPONSE,
        workers=2,
        progress=lambda done, total: calls.append((done, total)),
    )
    for a, b in zip(one.patients, two.patients, strict=True):
        assert np.array_equal(a.images, b.images)
    assert calls == [(n, PATIENTS) for n in range(1, PATIENTS + 1)]


def test_one_broken_study_never_stops_the_rest(site):
    _open(site)
    victim = _files(site, 2)[10]
    raw = victim.read_bytes()
    victim.unlink()  # the cohort's own file is linked elsewhere
    victim.write_bytes(raw[:-300])
    data = _open(site)
    assert [patient.case for patient in data.patients] == [1, 3, 4, 5, 6]
    assert data.excluded == 1
    errors = [problem for problem in data.problems if problem.level is Level.ERROR]
    assert len(errors) == 1
    assert errors[0].where.startswith("case 2, ")
    assert "cut short" in errors[0].got
    report = json.loads((site.work / "data_report.json").read_text(encoding="utf-8"))
    assert report["excluded_patients"] == 1


def test_text_files_among_the_studies_change_nothing(site):
    (site.dicom / "notes.txt").write_text("text")
    data = _open(site)
    assert len(data.patients) == PATIENTS
    assert [problem.level for problem in data.problems] == [Level.INFO]


def test_an_unknown_response_word_costs_its_patient_only(site):
    _rewrite(site, lambda n, row: row.update(response="PDD") if n == 3 else None)
    data = _open(site)
    assert [patient.case for patient in data.patients] == [1, 2, 4, 5, 6]
    assert data.problems[0].where == "case 3, column response"


def test_a_site_of_one_class_is_refused_with_what_to_do(site):
    _rewrite(site, lambda _, row: row.update(response="SD"))
    with pytest.raises(DataError, match="all with no objective response"):
        _open(site)


def test_a_site_without_usable_patients_lists_what_to_correct(site):
    _rewrite(site, lambda n, row: row.update(study_uid=f"1.2.{n}"))
    with pytest.raises(DataError) as caught:
        _open(site)
    assert len(caught.value.problems) == PATIENTS


def test_the_manifest_can_assign_the_splits(site):
    _rewrite(site, lambda n, row: row.update(split="held_out" if n <= 2 else "training"))
    data = _open(site, inner_validation_fraction=0.0)
    assert [patient.split for patient in data.patients] == [Split.HELD_OUT] * 2 + [
        Split.TRAINING
    ] * 4


def test_splits_depend_on_the_seed_and_the_sites_name_only(site):
    splits = [patient.split for patient in _open(site, seed=1).patients]
    assert splits == [patient.split for patient in _open(site, seed=1).patients]
    others = {
        tuple(patient.split for patient in _open(replace(site, name=f"site-{n}"), seed=1).patients)
        for n in range(8)
    }
    assert len(others) > 1


def test_a_confirmed_series_that_the_study_lacks_is_a_problem(site):
    text = site.manifest.read_text(encoding="utf-8").splitlines()
    lines = [text[0] + ",portal_series", text[1] + ",77", *(line + "," for line in text[2:])]
    site.manifest.write_text("\n".join(lines), encoding="utf-8")
    data = _open(site)
    assert data.excluded == 1
    assert data.problems[0].where == "case 1, column portal_series"


def test_no_identifier_is_in_what_a_data_manager_may_send_on(site):
    _open(site)
    _files(site, 2)[10].unlink()
    data = _open(site)
    said = (site.work / "data_report.json").read_text(encoding="utf-8")
    said += " ".join(problem.sentence() for problem in data.problems)
    said += " ".join(path.name for path in (site.work / "prepared").iterdir())
    with site.manifest.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["patient_id"] not in said
            assert row["study_uid"] not in said
