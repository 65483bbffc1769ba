"""Written MR files are valid DICOM in each vendor's dialect, and a reader finds their roles."""

import collections

import numpy as np
import pydicom
import pytest

from shared.dicom.mr_exclusion import mr_exclusion_reason
from shared.dicom.mri_roles import decide_sequences
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series
from simulations.synthetic.mri_cohort import mri_study_folder, write_mri_cohort
from simulations.synthetic.mri_patient import draw_mri_patient, paint_image, render_image
from simulations.synthetic.mri_scanner import DYNAMIC, MrImage, fat_cycles
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec
from simulations.synthetic.mri_vendors import MR_SCANNERS

VENDORS = list(MR_SCANNERS)
NAMED = [vendor for vendor in VENDORS if vendor != "siemens-unnamed"]
SPEC = MriCohortSpec(
    sites=tuple(MriSiteSpec(name, 4 if name not in NAMED else 1, name) for name in VENDORS),
    seed=3,
    columns=40,
    slices=8,
)
ROLES = ["in_phase", "opposed_phase", "t1_arterial", "t1_delayed", "t1_portal", "t2_fse"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("vendors") / "out"
    write_mri_cohort(SPEC, out, workers=1, progress=None)
    return out


def study_of(cohort, vendor, number=0):
    patient = draw_mri_patient(SPEC, VENDORS.index(vendor), number)
    return patient, mri_study_folder(SPEC, cohort, patient)


def datasets_of(folder):
    return [pydicom.dcmread(path) for path in folder.rglob("*") if path.is_file()]


def volumes_of(folder):
    candidates = group_series(scan_folder(folder).instances)
    return [one for one in candidates if mr_exclusion_reason(one) is None]


def seconds(text):
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])


@pytest.mark.parametrize("vendor", VENDORS)
def test_grouping_finds_six_volumes_and_leaves_the_localizer_out(cohort, vendor):
    patient, folder = study_of(cohort, vendor)
    expected = collections.Counter(
        (scan.geometry.slices, scan.geometry.rows, scan.geometry.columns)
        for scan in patient.scans.values()
    )
    found = collections.Counter(
        (len(one.instances), one.head.rows, one.head.columns) for one in volumes_of(folder)
    )
    assert found == expected
    assert sum(d.SeriesNumber == 1 for d in datasets_of(folder)) == 2


@pytest.mark.parametrize("vendor", NAMED)
def test_headers_decide_all_roles_of_a_named_protocol(cohort, vendor):
    decisions = decide_sequences(volumes_of(study_of(cohort, vendor)[1]))
    assert sorted(one.role for one in decisions) == ROLES


def test_an_unnamed_protocol_without_injection_time_is_a_question(cohort):
    questions = {True: 0, False: 0}
    for number in range(4):
        patient, folder = study_of(cohort, "siemens-unnamed", number)
        asked = [one for one in decide_sequences(volumes_of(folder)) if one.role is None]
        questions[patient.bolus_seconds is not None] += len(asked) > 0
    assert questions[True] == 0
    assert questions[False] > 0


@pytest.mark.parametrize("vendor", VENDORS)
def test_echoes_share_a_series_only_where_the_vendor_stores_them_so(cohort, vendor):
    scanner = MR_SCANNERS[vendor]
    _, folder = study_of(cohort, vendor)
    echoes = [d for d in datasets_of(folder) if "GR" in d.ScanningSequence]
    dual = [d for d in echoes if d.RepetitionTime > 100]
    assert len({d.SeriesInstanceUID for d in dual}) == (1 if scanner.dual_echo_in_one_series else 2)
    cycles = sorted({fat_cycles(float(d.EchoTime), float(d.MagneticFieldStrength)) for d in dual})
    assert cycles == pytest.approx([0.5, 1.0], abs=0.07)
    numbers = {d.EchoNumbers for d in dual}
    assert numbers == ({1, 2} if scanner.dual_echo_in_one_series else {1})


@pytest.mark.parametrize("vendor", VENDORS)
def test_times_follow_the_papers_windows_where_the_injection_is_recorded(cohort, vendor):
    patient, folder = study_of(cohort, vendor)
    enhanced = [d for d in datasets_of(folder) if d.SeriesNumber >= 6]
    assert len({d.AcquisitionTime for d in enhanced}) == 3
    recorded = {"ContrastBolusStartTime" in d for d in enhanced}
    assert recorded == {patient.bolus_seconds is not None}
    if patient.bolus_seconds is not None:
        since = sorted(
            {seconds(d.AcquisitionTime) - seconds(d.ContrastBolusStartTime) for d in enhanced}
        )
        for delay, (low, high) in zip(since, ((20, 30), (60, 80), (175, 190)), strict=True):
            assert low <= delay <= high


def test_some_studies_lack_the_time_of_the_injection_and_most_have_it():
    sites = tuple(MriSiteSpec(name, 30, name) for name in ("siemens", "philips"))
    spec = MriCohortSpec(sites=sites, seed=1)
    shares = [
        np.mean([draw_mri_patient(spec, site, n).bolus_seconds is not None for n in range(30)])
        for site in (0, 1)
    ]
    assert shares[0] > 0.7
    assert shares[1] < 0.6


@pytest.mark.parametrize("vendor", VENDORS)
def test_descriptions_survive_the_character_set(cohort, vendor):
    _, folder = study_of(cohort, vendor)
    written = {str(d.SeriesDescription) for d in datasets_of(folder)}
    scanner = MR_SCANNERS[vendor]
    assert written == {*scanner.descriptions.values(), scanner.localizer_description}


@pytest.mark.parametrize("vendor", VENDORS)
def test_pixels_are_the_rendered_magnitudes_at_their_heights(cohort, vendor):
    patient, folder = study_of(cohort, vendor)
    scan = patient.scans[MrImage.T2_FSE]
    expected = render_image(SPEC, patient, paint_image(patient, MrImage.T2_FSE), MrImage.T2_FSE)
    slices = [d for d in datasets_of(folder) if d.SeriesNumber == 3]
    slices.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    heights = [float(d.ImagePositionPatient[2]) for d in slices]
    np.testing.assert_allclose(
        heights, np.array(scan.geometry.heights_mm()) + patient.table_mm, atol=1e-3
    )
    stored = np.stack([d.pixel_array * float(d.get("RescaleSlope", 1)) for d in slices])
    np.testing.assert_allclose(stored, expected, atol=0.7)


@pytest.mark.parametrize("vendor", VENDORS)
def test_uids_are_unique_and_decimal_strings_fit(cohort, vendor):
    datasets = datasets_of(study_of(cohort, vendor)[1])
    uids = [d.SOPInstanceUID for d in datasets]
    assert len(set(uids)) == len(uids)
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids)
    assert {d.SOPClassUID for d in datasets} == {pydicom.uid.MRImageStorage}
    for dataset in datasets:
        for element in dataset.iterall():
            if element.VR == "DS":
                values = element.value if element.VM > 1 else [element.value]
                assert all(len(str(value)) <= 16 for value in values)


@pytest.mark.parametrize("vendor", VENDORS)
def test_attributes_that_the_mr_image_module_wants_are_present(cohort, vendor):
    wanted = (
        *("ImageType", "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType"),
        *("RepetitionTime", "EchoTime", "EchoTrainLength", "FlipAngle", "MagneticFieldStrength"),
        *("ImagingFrequency", "EchoNumbers", "AcquisitionNumber", "InstanceNumber"),
        *("FrameOfReferenceUID", "PositionReferenceIndicator", "PatientName", "PatientID"),
        *("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber"),
    )
    for dataset in datasets_of(study_of(cohort, vendor)[1]):
        assert [word for word in wanted if word not in dataset] == []


def test_age_and_sex_in_the_header_are_those_of_the_clinical_table(cohort):
    patient, folder = study_of(cohort, "ge")
    dataset = datasets_of(folder)[0]
    age = int(dataset.StudyDate[:4]) - int(dataset.PatientBirthDate[:4])
    assert age == patient.baseline["age_years"]
    assert dataset.PatientSex == ("M" if patient.baseline["sex_male"] else "F")


def test_one_series_may_hold_all_enhanced_volumes(cohort):
    _, folder = study_of(cohort, "siemens-unnamed")
    dynamic = [d for d in datasets_of(folder) if "TemporalPositionIdentifier" in d]
    assert len({d.SeriesInstanceUID for d in dynamic}) == 1
    assert {d.TemporalPositionIdentifier for d in dynamic} == {1, 2, 3}
    numbers = [d.InstanceNumber for d in dynamic]
    assert sorted(numbers) == list(range(1, len(dynamic) + 1))
    assert len(dynamic) % len(DYNAMIC) == 0
