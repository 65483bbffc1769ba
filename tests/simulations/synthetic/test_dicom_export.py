"""Written files are valid DICOM in each vendor's dialect, and hold the rendered HU."""

import collections

import numpy as np
import pydicom
import pytest

from shared.vocabulary import CtPhase
from simulations.synthetic.cohort import study_folder, write_cohort
from simulations.synthetic.dicom_export import decimal_string, list_instances
from simulations.synthetic.patient import draw_patient, paint_phase, render_phase
from simulations.synthetic.scanner import SCANNERS
from simulations.synthetic.spec import CohortSpec, SiteSpec

SPEC = CohortSpec(
    sites=tuple(SiteSpec(name, 1, name) for name in SCANNERS),
    seed=11,
    matrix=40,
    slices=9,
)
VENDORS = list(SCANNERS)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("vendors") / "out"
    write_cohort(SPEC, out, workers=1, progress=None)
    return out


def study_of(cohort, vendor):
    site = VENDORS.index(vendor)
    patient = draw_patient(SPEC, site, 0)
    folder = study_folder(SPEC, cohort, patient)
    series = collections.defaultdict(list)
    for path in folder.rglob("*"):
        if path.is_file():
            dataset = pydicom.dcmread(path)
            series[int(dataset.SeriesNumber)].append(dataset)
    return patient, series


def seconds(dataset, keyword):
    text = dataset[keyword].value
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_study_has_three_phases_a_localizer_and_a_dose_screen(cohort, vendor):
    _, series = study_of(cohort, vendor)
    assert sorted(series) == [1, 2, 3, 4, 99]
    assert "LOCALIZER" in series[1][0].ImageType
    assert series[99][0].SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage
    assert len(series[2]) == len(series[3]) == len(series[4]) >= 8


@pytest.mark.parametrize("vendor", VENDORS)
def test_descriptions_survive_the_character_set(cohort, vendor):
    _, series = study_of(cohort, vendor)
    for number, phase in ((2, CtPhase.PLAIN), (3, CtPhase.ARTERIAL), (4, CtPhase.PORTAL)):
        assert series[number][0].SeriesDescription == SCANNERS[vendor].descriptions[phase]


@pytest.mark.parametrize("vendor", VENDORS)
def test_pixels_are_the_rendered_attenuation(cohort, vendor):
    patient, series = study_of(cohort, vendor)
    seen = paint_phase(patient, CtPhase.ARTERIAL)
    truth = render_phase(SPEC, patient, seen, CtPhase.ARTERIAL)
    slices = sorted(series[3], key=lambda d: float(d.ImagePositionPatient[2]))
    for dataset, expected in zip(slices, truth, strict=True):
        stored = dataset.pixel_array.astype(int)
        inside = stored != dataset.get("PixelPaddingValue", "none")
        assert inside.mean() > 0.7
        hounsfield = stored * int(dataset.RescaleSlope) + int(dataset.RescaleIntercept)
        np.testing.assert_array_equal(hounsfield[inside], expected[inside])


@pytest.mark.parametrize("vendor", VENDORS)
def test_slices_are_equally_spaced_and_stand_where_the_truth_says(cohort, vendor):
    patient, series = study_of(cohort, vendor)
    heights = sorted(float(d.ImagePositionPatient[2]) for d in series[4])
    np.testing.assert_allclose(np.diff(heights), patient.geometry.step_mm, atol=1e-6)
    assert heights[0] == pytest.approx(patient.geometry.first_mm[2] + patient.table_mm, abs=1e-3)


@pytest.mark.parametrize("vendor", VENDORS)
def test_phases_share_a_frame_of_reference_and_follow_the_papers_timing(cohort, vendor):
    _, series = study_of(cohort, vendor)
    firsts = [series[number][0] for number in (2, 3, 4)]
    assert len({d.FrameOfReferenceUID for d in firsts}) == 1
    assert len({d.SeriesInstanceUID for d in firsts}) == 3
    plain, arterial, portal = (seconds(d, "AcquisitionTime") for d in firsts)
    assert 75 < arterial - plain < 105
    assert 45 < portal - arterial < 75
    for dataset, low, high in ((firsts[1], 20, 40), (firsts[2], 65, 115)):
        if "ContrastBolusStartTime" in dataset:
            since = seconds(dataset, "AcquisitionTime") - seconds(dataset, "ContrastBolusStartTime")
            assert low < since < high
    assert "ContrastBolusAgent" not in firsts[0]


@pytest.mark.parametrize("vendor", VENDORS)
def test_uids_are_unique_and_decimal_strings_fit(cohort, vendor):
    _, series = study_of(cohort, vendor)
    datasets = [d for members in series.values() for d in members]
    uids = [d.SOPInstanceUID for d in datasets]
    assert len(set(uids)) == len(uids)
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids)
    for dataset in datasets:
        for element in dataset.iterall():
            if element.VR == "DS":
                values = element.value if element.VM > 1 else [element.value]
                assert all(len(str(value)) <= 16 for value in values)


@pytest.mark.parametrize("vendor", VENDORS)
def test_type_2_attributes_are_present(cohort, vendor):
    _, series = study_of(cohort, vendor)
    wanted = (
        "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID"
        " AccessionNumber ReferringPhysicianName AcquisitionNumber KVP SliceThickness"
        " PositionReferenceIndicator InstanceNumber Manufacturer"
    )
    missing = [word for word in wanted.split() if word not in series[2][0]]
    assert missing == []


def test_names_of_files_do_not_follow_the_slices(cohort):
    images = [i for i in list_instances(next((cohort / "ge" / "dicom").iterdir())) if i.phase]
    heights = [image.height_mm for image in images if image.phase is CtPhase.PORTAL]
    assert heights != sorted(heights)
    assert heights != sorted(heights, reverse=True)


@pytest.mark.parametrize("value", [-165.11312345678, 1 / 3, 1e-9 / 3, -420.1, 3.560281, 0.0])
def test_decimal_strings_are_short_and_precise(value):
    text = decimal_string(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-8)
