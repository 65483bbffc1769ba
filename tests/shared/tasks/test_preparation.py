"""The one road from DICOM to model input, and everything that can stop it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ct_files import CtFiles, body, write_ct
from enhanced_files import merge_frames
from scipy import ndimage

from shared.errors import DicomError, PreparationError
from shared.tasks.liver_range import LiverRange, LiverSource
from shared.tasks.preparation import prepare_study
from shared.tasks.preparation_settings import CtPreparation
from shared.vocabulary import CtPhase

REAL = Path(__file__).resolve().parents[4] / "shared" / "dicom"
PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
PREPARATION = CtPreparation(PHASES, image_size=32)
POINT_MM = np.array([12.0, -9.0, 30.0])
LIVER_HU = {CtPhase.PLAIN: 55.0, CtPhase.ARTERIAL: 65.0, CtPhase.PORTAL: 110.0}


def _phantom(phase, z_mm, pixel_mm, size, origin_xy_mm):
    """Write a body of the phase's liver value with one ball of 190 HU around ``POINT_MM``."""
    rows, columns = np.indices((size, size))
    x, y = origin_xy_mm[0] + columns * pixel_mm, origin_xy_mm[1] + rows * pixel_mm
    planes = []
    for z in z_mm:
        plane = np.where((np.abs(x) < 70) & (np.abs(y) < 70), LIVER_HU[phase], -1000.0)
        distance = np.sqrt((x - POINT_MM[0]) ** 2 + (y - POINT_MM[1]) ** 2 + (z - POINT_MM[2]) ** 2)
        planes.append(np.where(distance < 16, 190.0, plane))
    return np.array(planes)


def _series(phase, number, acquired, z_mm, *, pixel_mm=2.5, size=64, origin=(-80.0, -80.0)):
    return CtFiles(
        number=number,
        description=phase.value,
        acquired=acquired,
        z_mm=tuple(z_mm),
        pixel_mm=pixel_mm,
        origin_xy_mm=origin,
        values_hu=_phantom(phase, z_mm, pixel_mm, size, origin),
    )


PLAIN = _series(
    CtPhase.PLAIN,
    2,
    "100000",
    np.arange(-3.5, 70, 5.0),
    pixel_mm=2.8,
    size=60,
    origin=(-84.0, -82.0),
)
ARTERIAL = _series(
    CtPhase.ARTERIAL,
    3,
    "100130",
    np.arange(-6.0, 70, 3.0),
    pixel_mm=2.2,
    size=72,
    origin=(-77.0, -79.0),
)
PORTAL = _series(CtPhase.PORTAL, 4, "100230", np.arange(0.0, 61, 5.0))


def _study(folder, *series):
    for one in series:
        write_ct(folder, one)
    return folder


def _centre_of_ball_mm(study, phase):
    bright = np.clip(study.images[:, phase] - 0.8, 0, None)  # above 120 HU
    at = np.array(ndimage.center_of_mass(bright))
    grid = study.grid
    in_plane = at[1] * grid.pixel_mm[0] * grid.axes[0] + at[2] * grid.pixel_mm[1] * grid.axes[1]
    height = np.interp(at[0], np.arange(len(study.positions_mm)), study.positions_mm)
    return np.array([*(grid.origins_mm[0] + in_plane)[:2], height])


def test_phases_of_different_grids_meet_in_the_patient(tmp_path):
    study = prepare_study(_study(tmp_path, PLAIN, ARTERIAL, PORTAL), PREPARATION)
    assert study.images.shape == (13, 3, 32, 32)
    assert study.images.dtype == np.float32
    assert study.positions_mm.tolist() == pytest.approx(np.arange(0.0, 61, 5.0).tolist())
    for phase in range(3):
        off = np.abs(_centre_of_ball_mm(study, phase) - POINT_MM)
        assert (off < [2.5, 2.5, 2.5]).all()  # half a target voxel


def test_a_phase_in_one_enhanced_file_is_prepared_like_single_files(tmp_path):
    expected = prepare_study(_study(tmp_path / "a", PLAIN, ARTERIAL, PORTAL), PREPARATION)
    folder = _study(tmp_path / "b", PLAIN, ARTERIAL)
    merge_frames(write_ct(folder, PORTAL), folder / "enhanced")
    study = prepare_study(folder, PREPARATION)
    assert np.array_equal(study.images, expected.images)
    assert study.roles[2].series == "series 4 (13 images)"


def test_values_go_through_the_published_window(tmp_path):
    study = prepare_study(_study(tmp_path, PLAIN, ARTERIAL, PORTAL), PREPARATION)
    livers = study.images[0, :, 20, 20]
    assert livers.tolist() == pytest.approx([0.6375, 0.6625, 0.775], abs=1e-3)
    assert study.images.min() == 0.0
    assert study.images.max() <= 1.0


def test_the_liver_range_and_the_number_of_slices_are_respected(tmp_path):
    study = prepare_study(
        _study(tmp_path, PLAIN, ARTERIAL, PORTAL),
        replace(PREPARATION, slices_per_patient=3),
        liver_range_mm=(10.0, 50.0),
    )
    assert study.positions_mm.tolist() == pytest.approx([15.0, 30.0, 45.0])
    assert study.notices == ()


@pytest.mark.parametrize(
    ("signed", "notices"),
    [
        ("", ("The liver range comes from a DICOM segmentation, not confirmed by a person.",)),
        ("Dr. Li", ()),
    ],
)
def test_a_range_that_nobody_signed_is_a_notice_and_every_range_is_kept(tmp_path, signed, notices):
    liver = LiverRange(10.0, 50.0, LiverSource.SEGMENTATION, confirmed_by=signed)
    study = prepare_study(
        _study(tmp_path, PLAIN, ARTERIAL, PORTAL), PREPARATION, liver_range_mm=liver
    )
    assert study.positions_mm.tolist() == pytest.approx(np.arange(10.0, 51, 5.0).tolist())
    assert study.liver_range == liver
    assert study.notices == notices


def test_without_a_range_every_slice_is_used_with_a_notice(tmp_path):
    study = prepare_study(_study(tmp_path, PLAIN, ARTERIAL, PORTAL), PREPARATION)
    assert any("No liver range is given" in notice for notice in study.notices)


def test_any_subset_of_phases_can_be_asked_for(tmp_path):
    _study(tmp_path, PLAIN, ARTERIAL, PORTAL)
    for phases in ((CtPhase.PORTAL,), (CtPhase.ARTERIAL, CtPhase.PLAIN)):
        study = prepare_study(tmp_path, replace(PREPARATION, phases=phases))
        assert study.channels == phases
        assert study.images.shape[1] == len(phases)


def test_every_decision_carries_its_evidence(tmp_path):
    study = prepare_study(_study(tmp_path, PLAIN, ARTERIAL, PORTAL), PREPARATION)
    assert [role.role for role in study.roles] == list(PHASES)
    assert "description names portal" in study.roles[2].evidence


def test_localizer_and_dose_screen_are_left_out_with_reasons(tmp_path):
    localizer = CtFiles(
        number=1, z_mm=(0.0,), extra={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    )
    study = prepare_study(_study(tmp_path, localizer, PLAIN, ARTERIAL, PORTAL), PREPARATION)
    assert study.excluded == (("series 1 (1 image)", "it is a localizer (scout view)"),)


def test_slices_that_a_phase_does_not_cover_are_left_out(tmp_path):
    short = _series(CtPhase.ARTERIAL, 3, "100130", np.arange(0.0, 41, 5.0))
    study = prepare_study(_study(tmp_path, PLAIN, short, PORTAL), PREPARATION)
    assert study.positions_mm.max() == pytest.approx(40.0)
    assert any("4 of 13 slices are not covered" in notice for notice in study.notices)


def test_phases_that_hardly_overlap_are_refused(tmp_path):
    short = _series(CtPhase.ARTERIAL, 3, "100130", np.arange(0.0, 11, 5.0))
    with pytest.raises(PreparationError, match="Only 3 of 13 slices"):
        prepare_study(_study(tmp_path, PLAIN, short, PORTAL), PREPARATION)


def test_a_missing_phase_is_named_with_what_the_study_has(tmp_path):
    with pytest.raises(PreparationError) as caught:
        prepare_study(_study(tmp_path, PLAIN, ARTERIAL), PREPARATION)
    (problem,) = caught.value.problems
    assert problem.where == "portal phase"
    assert "arterial, plain" in problem.got


def test_two_arterial_scans_are_a_question_that_names_both(tmp_path):
    again = replace(ARTERIAL, number=7, acquired="100145")
    with pytest.raises(PreparationError) as caught:
        prepare_study(_study(tmp_path, PLAIN, ARTERIAL, again, PORTAL), PREPARATION)
    (problem,) = caught.value.problems
    assert "series 3 (26 images), series 7 (26 images)" in problem.got
    assert "arterial_series" in problem.fix


def test_a_person_settles_the_question(tmp_path):
    again = replace(ARTERIAL, number=7, acquired="100145")
    study = prepare_study(
        _study(tmp_path, PLAIN, ARTERIAL, again, PORTAL),
        PREPARATION,
        roles={"2.25.1000.7": CtPhase.ARTERIAL},
    )
    assert [role.confidence for role in study.roles] == [0.8, 0.8, 0.8, 1.0]


def test_of_two_reconstructions_of_one_scan_the_one_nearest_to_5_mm_is_taken(tmp_path):
    thick = _series(CtPhase.ARTERIAL, 8, ARTERIAL.acquired, np.arange(0.0, 61, 5.0))
    study = prepare_study(_study(tmp_path, PLAIN, ARTERIAL, thick, PORTAL), PREPARATION)
    assert any("series 8 (13 images) is nearest to 5 mm" in notice for notice in study.notices)


def test_another_frame_of_reference_is_refused(tmp_path):
    moved = replace(PORTAL, frame_uid="2.25.2001")
    with pytest.raises(PreparationError, match="different frames of reference"):
        prepare_study(_study(tmp_path, PLAIN, ARTERIAL, moved), PREPARATION)


def test_a_phase_that_does_not_look_like_itself_is_a_question(tmp_path):
    dark = replace(PORTAL, values_hu=PORTAL.values_hu - 60.0)
    with pytest.raises(PreparationError, match="do not look like the phases"):
        prepare_study(_study(tmp_path, PLAIN, ARTERIAL, dark), PREPARATION)


def test_a_truncated_image_refuses_its_series_and_names_the_phase(tmp_path):
    write_ct(tmp_path, PLAIN)
    write_ct(tmp_path, ARTERIAL)
    paths = write_ct(tmp_path, PORTAL)
    paths[3].write_bytes(paths[3].read_bytes()[:-500])
    with pytest.raises(PreparationError) as caught:
        prepare_study(tmp_path, PREPARATION)
    (problem,) = caught.value.problems
    assert problem.where == "portal phase"
    assert "cut short" in problem.got


def test_everything_wrong_with_a_study_is_said_at_once(tmp_path):
    gap = replace(PORTAL, z_mm=(*PORTAL.z_mm[:5], *(z + 5 for z in PORTAL.z_mm[5:])))
    again = replace(ARTERIAL, number=7, acquired="100145")
    with pytest.raises(PreparationError) as caught:
        prepare_study(_study(tmp_path, ARTERIAL, again, gap), PREPARATION)
    assert [p.where for p in caught.value.problems] == [
        "plain phase",
        "arterial phase",
        "portal phase",
    ]


def test_text_files_among_the_images_change_nothing(tmp_path):
    clean = prepare_study(_study(tmp_path, PLAIN, ARTERIAL, PORTAL), PREPARATION)
    (tmp_path / "a_note.txt").write_text("hello")
    mixed = prepare_study(tmp_path, PREPARATION)
    assert np.array_equal(clean.images, mixed.images)
    assert any("1 file(s) are not DICOM" in notice for notice in mixed.notices)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DicomError, match="an empty folder"):
        prepare_study(tmp_path, PREPARATION)


def test_two_studies_need_a_choice(tmp_path):
    _study(tmp_path / "a", PLAIN, ARTERIAL, PORTAL)
    other = [replace(one, study_uid="2.25.1001") for one in (PLAIN, ARTERIAL, PORTAL)]
    _study(tmp_path / "b", *other)
    with pytest.raises(PreparationError, match="got 2 studies"):
        prepare_study(tmp_path, PREPARATION)
    study = prepare_study(tmp_path, PREPARATION, study_uid="2.25.1001")
    assert study.images.shape[0] == 13


@pytest.mark.parametrize("sign", [(1, 1), (-1, -1)])
def test_a_patient_lying_face_down_is_turned_to_the_same_picture(tmp_path, sign):
    upright = prepare_study(
        _study(tmp_path / "a", PORTAL), CtPreparation((CtPhase.PORTAL,), image_size=32)
    )
    corner = (-80.0, -80.0) if sign[0] == 1 else (-80.0 + 63 * 2.5, -80.0 + 63 * 2.5)
    turned = replace(
        PORTAL,
        orientation=(sign[0], 0.0, 0.0, 0.0, sign[1], 0.0),
        origin_xy_mm=corner,
        values_hu=PORTAL.values_hu[:, :: sign[1], :: sign[0]],
    )
    study = prepare_study(
        _study(tmp_path / "b", turned), CtPreparation((CtPhase.PORTAL,), image_size=32)
    )
    assert np.allclose(study.images, upright.images, atol=1e-6)


def test_no_identifier_reaches_what_a_person_may_send_on(tmp_path):
    secret = [
        replace(one, patient_id="SECRET-77", description=f"{one.description} SECRET-77")
        for one in (PLAIN, ARTERIAL, PORTAL)
    ]
    study = prepare_study(_study(tmp_path / "SECRET-77", *secret), PREPARATION)
    said = json.dumps([study.notices, study.excluded, [role.evidence for role in study.roles]])
    assert "SECRET" not in said
    with pytest.raises(PreparationError) as caught:
        prepare_study(_study(tmp_path / "b" / "SECRET-77", *secret[:2]), PREPARATION)
    assert "SECRET" not in str(caught.value)


@pytest.mark.skipif(not REAL.is_dir(), reason="real scanner files are not beside the repository")
def test_a_real_single_phase_liver_goes_through():
    study = prepare_study(
        REAL / "ct_liver_venous_siemens_j2k",
        CtPreparation((CtPhase.PORTAL,), image_size=64, slices_per_patient=5),
    )
    assert study.images.shape == (5, 1, 64, 64)
    assert np.diff(study.positions_mm).tolist() == pytest.approx([8.0] * 4)
    assert study.roles[0].role is CtPhase.PORTAL
    liver = study.images[:, 0, 36:44, 14:20]
    assert 0.65 < float(np.median(liver)) < 0.85  # 60 to 140 HU on the patient's right


def test_a_body_of_air_is_noted_and_used(tmp_path):
    air = CtFiles(description="portal", values_hu=body(4, -1000.0))
    study = prepare_study(_study(tmp_path, air), CtPreparation((CtPhase.PORTAL,), image_size=32))
    assert any("too little soft tissue" in notice for notice in study.notices)
