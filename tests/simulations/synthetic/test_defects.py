"""Each planted defect is on disk, and nothing else has changed."""

import csv
import itertools
import shutil
import tomllib

import pydicom
import pytest

from shared.errors import HepafedError
from shared.vocabulary import CtPhase
from simulations.synthetic import defects
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.dicom_export import list_instances
from simulations.synthetic.spec import CohortSpec, SiteSpec

SPEC = CohortSpec(sites=(SiteSpec("site-a", 2, "philips"),), seed=1, matrix=32, slices=9)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    out = tmp_path_factory.mktemp("defects") / "out"
    write_cohort(SPEC, out, workers=1, progress=None)
    return out / "site-a"


@pytest.fixture
def site(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "site-a")
    return tmp_path / "site-a"


@pytest.fixture
def study(site):
    return defects.find_study(site, "S1-0002")


def of_phase(study, phase):
    return [image for image in list_instances(study) if image.phase is phase]


def rows(site):
    with (site / "manifest.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_an_unknown_patient_is_refused_without_repeating_the_number(site):
    with pytest.raises(HepafedError) as caught:
        defects.find_study(site, "S9-1234")
    assert "S9-1234" not in str(caught.value)


def test_a_truncated_file_keeps_its_header_and_loses_pixels(study):
    path = defects.truncate_file(study, CtPhase.PORTAL)
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    assert dataset.PatientID == "S1-0002"
    assert path.stat().st_size < 32 * 32 * 2


def test_a_text_file_lies_among_the_images_and_is_not_dicom(study):
    before = len(list_instances(study))
    path = defects.add_text_file(study)
    assert path.exists()
    assert len(list_instances(study)) == before


def test_a_removed_phase_is_gone_and_the_others_stay(study):
    plain = len(of_phase(study, CtPhase.PLAIN))
    defects.remove_phase(study, CtPhase.PORTAL)
    assert of_phase(study, CtPhase.PORTAL) == []
    assert len(of_phase(study, CtPhase.PLAIN)) == plain


def test_a_second_candidate_is_another_series_with_the_same_description(study):
    defects.add_second_candidate(study, CtPhase.ARTERIAL)
    headers = [pydicom.dcmread(image.path) for image in list_instances(study)]
    arterial = [h for h in headers if h.SeriesDescription == "动脉期 5mm"]
    assert len({h.SeriesInstanceUID for h in arterial}) == 2
    assert len({h.SOPInstanceUID for h in arterial}) == len(arterial)
    assert all(h.file_meta.MediaStorageSOPInstanceUID == h.SOPInstanceUID for h in arterial)


def test_two_studies_share_one_patient_id(site, study):
    other = defects.find_study(site, "S1-0001")
    defects.share_patient_id(other, study)
    assert {i.patient_id for i in list_instances(study)} == {"S1-0001"}


def test_a_missing_slice_leaves_one_double_gap(study):
    defects.remove_slice(study, CtPhase.PLAIN)
    heights = sorted(image.height_mm for image in of_phase(study, CtPhase.PLAIN))
    gaps = sorted(round(b - a, 2) for a, b in itertools.pairwise(heights))
    assert gaps[-1] == pytest.approx(2 * gaps[0], abs=0.02)
    assert gaps[-2] == gaps[0]


def test_mixed_orientation_has_two_orientations_in_one_series(study):
    defects.mix_orientations(study, CtPhase.PLAIN)
    images = [pydicom.dcmread(i.path) for i in of_phase(study, CtPhase.PLAIN)]
    assert len({tuple(d.ImageOrientationPatient) for d in images}) == 2


def test_a_forgotten_orientation_is_absent(study):
    defects.forget_orientation(study, CtPhase.PLAIN)
    images = [pydicom.dcmread(i.path) for i in of_phase(study, CtPhase.PLAIN)]
    assert not any("ImageOrientationPatient" in d for d in images)


def test_manifest_defects_change_only_what_they_name(site):
    before = rows(site)
    defects.write_unknown_response(site, 1)
    after = rows(site)
    assert after[0] == before[0]
    assert after[1] == {**before[1], "response": "NE"}
    defects.make_one_class(site)
    assert {row["response"] for row in rows(site)} == {"PR"}
    defects.repeat_manifest_row(site, 0)
    assert [row["patient_id"] for row in rows(site)] == ["S1-0001", "S1-0002", "S1-0001"]


def test_broken_site_settings_are_toml_with_three_mistakes(site):
    defects.break_site_settings(site)
    settings = tomllib.loads((site / "site.toml").read_text(encoding="utf-8"))
    assert "manifest" not in settings["site"]
    assert settings["device"]["accelerator"] == "quantum"
    assert settings["policy"]["minimum_count"] == -1
