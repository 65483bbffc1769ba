"""What the site settings and the manifest say of a study reaches its prepared images."""

import stat
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ct_files import STUDY_UID, CtFiles, write_ct
from ct_files import body as plain_body
from mask_files import write_contours, write_nifti, write_segmentation
from rigid_phantom import phases

from client.catalogue import CatalogueStore
from client.catalogue_records import Confirmation
from client.image_settings import ImageSettings, SegmenterSettings
from client.liver_of_study import space_of
from client.liver_review import one_study
from client.review import studies_to_review
from client.review_terminal import answer, study_text
from client.site_preparation import prepare_site
from client.site_settings import SiteSettings
from shared.dicom.scan import scan_folder
from shared.errors import DataError, Level
from shared.tasks.liver_mask import liver_volumes
from shared.tasks.liver_range import volume_affine
from shared.tasks.preparation_settings import CtPreparation
from shared.vocabulary import CtPhase

TWO = CtPreparation((CtPhase.ARTERIAL, CtPhase.PORTAL), image_size=56)


def _site(folder, manifest="patient_id,response\nP1,PR\n"):
    site = SiteSettings("north", folder / "dicom", folder / "manifest.csv", folder / "work")
    site.manifest.write_text(manifest, encoding="utf-8")
    return site


@pytest.fixture(scope="module")
def body():
    return phases(1)


def _phase(values, at, number, description, **changes):
    return CtFiles(
        number=number,
        description=description,
        acquired=f"10{number:02d}00",
        z_mm=tuple(at.origins_mm[:, 2].tolist()),
        origin_xy_mm=tuple(at.origins_mm[0, :2].tolist()),
        pixel_mm=at.pixel_mm[0],
        values_hu=np.clip(values, -1024, 3000),
        **changes,
    )


def test_phases_of_two_frames_of_reference_meet_where_the_site_allows_it(tmp_path, body):
    portal, arterial, at = body
    write_ct(tmp_path / "dicom", _phase(portal, at, 4, "portal"))
    write_ct(tmp_path / "dicom", _phase(arterial, at, 3, "arterial", frame_uid="2.25.77"))
    site = _site(tmp_path)
    refused = prepare_site(site, TWO)
    assert refused.usable == ()
    assert "'registration = true' under [alignment]" in refused.problems[-1].sentence()
    allowed = prepare_site(replace(site, images=ImageSettings(registration=True)), TWO)
    (case,) = allowed.usable
    assert any("both lie on each other" in notice for notice in case.study.notices)
    assert prepare_site(site, TWO).usable == ()  # what was registered is not taken for the refused


def test_the_sites_own_words_name_the_phases_of_its_studies(tmp_path, body):
    portal, arterial, at = body
    write_ct(tmp_path / "dicom", _phase(portal, at, 4, "Abd 2"))
    write_ct(tmp_path / "dicom", _phase(arterial, at, 3, "Abd 1"))
    site = _site(tmp_path)
    silent = prepare_site(site, TWO)
    assert (silent.usable, silent.waiting) == ((), 1)
    words = ((CtPhase.ARTERIAL, ("Abd 1",)), (CtPhase.PORTAL, ("ABD 2",)))
    (case,) = prepare_site(replace(site, images=ImageSettings(words=words)), TWO).usable
    crossed = ((CtPhase.ARTERIAL, ("Abd 2",)), (CtPhase.PORTAL, ("Abd 1",)))
    other = prepare_site(replace(site, images=ImageSettings(words=crossed)), TWO)
    assert case.study.images.shape[1] == 2
    assert other.usable == ()  # the order of acquisition contradicts the crossed words
    assert other.waiting == 1


Z_MM = tuple(np.arange(0.0, 50.0, 5.0))
ONE = CtPreparation((CtPhase.PORTAL,), image_size=16)
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def _voxels(first, last):
    voxels = np.zeros((10, 16, 16), dtype=np.uint8)
    voxels[first : last + 1, 5:9, 5:9] = 1
    return voxels


def _nifti(path, first, last):
    volume = liver_volumes(scan_folder(path.parent / "dicom").instances)[0]
    return write_nifti(path, _voxels(first, last), TO_RAS @ volume_affine(volume))


def _contours(path, z_mm):
    square = [(-10.0, -10.0), (10.0, -10.0), (10.0, 10.0), (-10.0, 10.0)]
    return write_contours(path, {"Liver": [[(*corner, z) for corner in square] for z in z_mm]})


@pytest.fixture
def masked(tmp_path):
    """A site of one portal series whose manifest names a mask that is not written yet."""
    write_ct(tmp_path / "dicom", CtFiles(description="portal", z_mm=Z_MM))
    return _site(tmp_path, "patient_id,response,liver_mask\nP1,PR,mask\n")


@pytest.mark.parametrize(
    ("write", "source"),
    [
        (lambda path: write_segmentation(path, {"Liver": _voxels(3, 6)}, Z_MM), "segmentation"),
        (lambda path: _contours(path, Z_MM[3:7]), "RT structure set"),
        (lambda path: _nifti(path, 3, 6), "NIfTI mask"),
    ],
)
def test_the_mask_of_the_manifest_chooses_the_slices(masked, write, source):
    write(masked.manifest.parent / "mask")
    prepared = prepare_site(masked, ONE)
    (case,) = prepared.usable
    assert case.study.positions_mm == (15.0, 20.0, 25.0, 30.0)
    assert any(f"{source}, not confirmed by a person" in n for n in case.study.notices)
    assert {p.level for p in prepared.problems} == {Level.INFO}


def test_another_content_of_the_mask_prepares_the_study_anew(masked):
    mask = masked.manifest.parent / "mask"
    _nifti(mask, 3, 6)
    prepare_site(masked, ONE)
    _nifti(mask, 2, 3)
    (case,) = prepare_site(masked, ONE).usable
    assert case.study.positions_mm == (10.0, 15.0)


def test_a_range_of_the_manifest_or_of_a_person_counts_before_the_mask(masked):
    _nifti(masked.manifest.parent / "mask", 3, 6)
    given = "patient_id,response,liver_mask,liver_lower_mm,liver_upper_mm\nP1,PR,mask,0,5\n"
    (case,) = prepare_site(_site(masked.manifest.parent, given), ONE).usable
    assert case.study.positions_mm == (0.0, 5.0)
    _site(masked.manifest.parent, "patient_id,response,liver_mask\nP1,PR,mask\n")
    with closing(CatalogueStore(masked.work)) as store:
        store.confirm(Confirmation(STUDY_UID, "", "40 45", "Dr Who", "2026-01-01T00:00:00+00:00"))
    (case,) = prepare_site(masked, ONE).usable
    assert case.study.positions_mm == (40.0, 45.0)


def test_the_range_of_a_mask_can_be_signed_and_then_needs_no_remark(masked):
    _nifti(masked.manifest.parent / "mask", 3, 6)
    roles = ONE.phases
    before = one_study(studies_to_review(masked, roles), masked, roles, case=1)
    assert "from a NIfTI mask, not confirmed" in study_text(before)
    assert answer(before, "liver ok", masked.work, "Dr Li")
    after = one_study(studies_to_review(masked, roles), masked, roles, case=1)
    assert "15.0 to 30.0 mm, from a NIfTI mask, confirmed" in study_text(after)
    assert "said by Dr Li" in study_text(after)
    prepared = prepare_site(masked, ONE)
    (case,) = prepared.usable
    assert case.study.positions_mm == (15.0, 20.0, 25.0, 30.0)
    assert not [problem for problem in prepared.problems if "range" in problem.got]


def test_nothing_can_be_signed_where_there_is_no_range(tmp_path):
    write_ct(tmp_path / "dicom", CtFiles(description="portal"))
    (view,) = studies_to_review(_site(tmp_path), ONE.phases)
    with pytest.raises(DataError, match="Expected a liver range to sign, got none for case 1"):
        answer(view, "liver ok", tmp_path / "work", "Dr Li")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_text("liver: 0 to 100 mm"), "NIfTI-1 volume"),
        (
            lambda path: write_segmentation(
                path, {"Liver": _voxels(3, 6)}, Z_MM, frame_uid="2.25.7"
            ),
            "another frame of reference",
        ),
        (
            lambda path: write_segmentation(path, {"Spleen": _voxels(3, 6)}, Z_MM),
            "one segment that is the liver",
        ),
    ],
)
def test_a_mask_that_does_not_fit_leaves_its_patient_out(masked, write, said):
    write(masked.manifest.parent / "mask")
    prepared = prepare_site(masked, ONE)
    (problem,) = prepared.problems
    assert (prepared.usable, prepared.excluded) == ((), 1)
    assert (problem.where, problem.level) == ("case 1, column liver_mask", Level.ERROR)
    assert said in problem.got
    assert "P1" not in problem.sentence()
    assert str(masked.manifest.parent) not in problem.sentence()


def test_a_broken_study_is_named_rather_than_its_mask(tmp_path):
    write_ct(tmp_path / "dicom", CtFiles(description="portal", z_mm=(0.0, 5.0, 15.0, 20.0)))
    (tmp_path / "mask").write_text("no mask")
    prepared = prepare_site(_site(tmp_path, "patient_id,response,liver_mask\nP1,PR,mask\n"), ONE)
    assert [p.where for p in prepared.problems] == ["case 1, portal phase"]


def test_a_mask_counts_only_in_the_coordinates_of_the_reference_phase(tmp_path):
    write_ct(tmp_path, CtFiles(number=2, description="arterial", frame_uid="2.25.77"))
    write_ct(tmp_path, CtFiles(number=3, description="portal"))
    write_ct(tmp_path, CtFiles(number=4, description="delayed", frame_uid=""))
    headers = scan_folder(tmp_path).instances
    space = space_of(headers, CtPhase.PORTAL, {}, ImageSettings())
    assert [v.instances[0].series_number for v in space.reference] == [3]
    assert [v.instances[0].series_number for v in space.volumes] == [3, 4]
    unknown = space_of(headers, CtPhase.PLAIN, {}, ImageSettings())
    assert unknown.reference == ()
    assert [v.instances[0].series_number for v in unknown.volumes] == [2, 3, 4]


# Marks what is brighter than 80 HU.
SEGMENTS = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from shared.imaging.nifti import encode_nifti, parse_nifti
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
scan = parse_nifti(Path(options["-i"]).read_bytes())
mask = (scan.values > 80).astype("f4")
Path(options["-o"], "liver.nii.gz").write_bytes(encode_nifti(mask, scan.affine))
"""


@pytest.fixture
def bright(tmp_path):
    """A site of one portal series that is bright from 10 to 20 mm, without any range."""
    values = plain_body(6, 40.0)
    values[2:5, 4:8, 4:8] = 100.0
    one = CtFiles(description="portal", z_mm=tuple(range(0, 30, 5)), pixel_mm=0.7, values_hu=values)
    write_ct(tmp_path / "dicom", one)
    (tmp_path / "weights" / "Dataset297_x").mkdir(parents=True)
    program = tmp_path / "segment"
    root = str(Path(__file__).resolve().parents[2])
    program.write_text(f"#!{sys.executable}\n" + SEGMENTS.replace("{root!r}", repr(root)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    segmenter = SegmenterSettings(str(program), tmp_path / "weights")
    return replace(_site(tmp_path), images=ImageSettings(segmenter=segmenter))


def test_the_sites_segmenter_is_asked_where_nobody_gave_a_range(bright):
    (case,) = prepare_site(bright, ONE).usable
    assert case.study.positions_mm == (10.0, 15.0, 20.0)
    assert any("TotalSegmentator, not confirmed" in notice for notice in case.study.notices)
    given = "patient_id,response,liver_lower_mm,liver_upper_mm\nP1,PR,0,5\n"
    Path(bright.images.segmenter.program).unlink()  # nobody may ask it now
    (case,) = prepare_site(
        replace(bright, manifest=_site(bright.manifest.parent, given).manifest), ONE
    ).usable
    assert case.study.positions_mm == (0.0, 5.0)


def test_a_segmenter_that_cannot_answer_leaves_the_patient_out(bright):
    Path(bright.images.segmenter.program).unlink()
    prepared = prepare_site(bright, ONE)
    (problem,) = prepared.problems
    assert prepared.usable == ()
    assert problem.where == "case 1, liver range"
    assert "not installed on this machine" in problem.got


PATIENTS = "patient_id,response\nP1,PR\nP2,PD\nP3,PR\n"


@pytest.fixture
def three(tmp_path):
    """A site of three patients with one portal series each."""
    for number in (1, 2, 3):
        uids = {"patient_id": f"P{number}", "study_uid": f"2.25.100{number}"}
        write_ct(tmp_path / "dicom" / str(number), CtFiles(description="portal", **uids))
    return _site(tmp_path, PATIENTS)


def _entries(site):
    return {path.name: path.stat().st_mtime_ns for path in (site.work / "prepared").iterdir()}


def _is_same(one, other):
    return [np.array_equal(a.study.images, b.study.images) for a, b in zip(one, other, strict=True)]


def test_workers_prepare_what_one_process_prepares(three):
    alone = prepare_site(three, ONE).usable
    (three.work / "prepared").rename(three.work / "before")
    assert _is_same(alone, prepare_site(three, ONE, workers=2).usable) == [True] * 3


def test_what_is_prepared_stays_while_workers_prepare_the_rest(three):
    alone = prepare_site(three, ONE).usable
    kept, *absent = sorted((three.work / "prepared").iterdir())
    content = kept.read_bytes()
    for path in absent:
        path.unlink()
    done = []
    again = prepare_site(three, ONE, workers=2, progress=lambda at, of: done.append((at, of)))
    assert _is_same(alone, again.usable) == [True] * 3
    assert kept.read_bytes() == content
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_prepared_images_of_a_patient_who_left_the_manifest_are_deleted(three):
    prepare_site(three, ONE)
    prepare_site(three, replace(ONE, image_size=24))  # another run of the same site
    before = _entries(three)
    three.manifest.write_text(PATIENTS.replace("P2,PD\n", ""), encoding="utf-8")
    left = prepare_site(three, ONE)
    after = _entries(three)
    assert len(left.usable) == 2
    assert (len(before), len(after)) == (6, 5)
    assert after.keys() < before.keys()
