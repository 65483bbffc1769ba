"""Finding DICOM among other files, and naming what cannot be read."""

import struct
from pathlib import Path

import pytest
from ct_files import CtFiles, write_ct
from pydicom.data import get_testdata_file

from shared.dicom.scan import scan_files, scan_folder
from shared.errors import DicomError


def test_an_empty_folder_is_answered_with_what_was_expected(tmp_path):
    with pytest.raises(DicomError, match="Expected DICOM files, got an empty folder"):
        scan_folder(tmp_path)


def test_a_folder_that_is_not_there_is_answered(tmp_path):
    with pytest.raises(DicomError, match="no such folder"):
        scan_folder(tmp_path / "nowhere")


def test_text_files_among_dicom_are_counted_and_left_out(tmp_path):
    write_ct(tmp_path / "a" / "b", CtFiles())
    (tmp_path / "notes.txt").write_text("seen with Dr. X")
    (tmp_path / "empty.dcm").write_bytes(b"")
    scan = scan_folder(tmp_path)
    assert len(scan.instances) == 4
    assert scan.other_files == 2
    assert scan.rejected == ()


def test_only_text_files_are_refused_with_their_count(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DicomError, match="got 1 other files"):
        scan_folder(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "MR_small_bigendian.dcm"],
)
def test_files_are_recognised_by_content_even_without_preamble(name):
    scan = scan_files([Path(get_testdata_file(name))])
    assert scan.other_files == 0
    assert len(scan.instances) == 1
    assert scan.instances[0].modality in {"CT", "MR", "RTPLAN"}


def test_a_truncated_file_stays_in_the_scan_with_its_damage(tmp_path):
    paths = write_ct(tmp_path, CtFiles())
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    damages = [instance.damage for instance in scan_folder(tmp_path).instances]
    assert sum("cut short" in damage for damage in damages) == 1


def test_a_file_cut_in_its_header_is_rejected_by_number_and_never_by_name(tmp_path):
    paths = write_ct(tmp_path, CtFiles())
    paths[0].write_bytes(paths[0].read_bytes()[:300])
    scan = scan_folder(tmp_path)
    assert len(scan.rejected) == 1
    assert scan.rejected[0].number == 1 + sorted(paths).index(paths[0])
    assert paths[0].name not in scan.rejected[0].reason


def test_a_length_of_four_gigabytes_is_not_believed(tmp_path):
    path = tmp_path / "liar"
    element = struct.pack("<HH2sHI", 0x0008, 0x0008, b"OB", 0, 0xFFFFFFF0)
    path.write_bytes(b"\0" * 128 + b"DICM" + element + b"x" * 64)
    scan = scan_files([path])
    assert len(scan.rejected) == 1


def test_a_claim_of_huge_dimensions_is_damage(tmp_path):
    write_ct(tmp_path, CtFiles(z_mm=(0.0,), extra={"Rows": 60000, "Columns": 60000}))
    (instance,) = scan_folder(tmp_path).instances
    assert "60000 x 60000" in instance.damage


def test_images_that_lost_their_uids_are_grouped_by_folder(tmp_path):
    bare = {"StudyInstanceUID": "", "SeriesInstanceUID": ""}
    write_ct(tmp_path / "one", CtFiles(extra=bare))
    write_ct(tmp_path / "two", CtFiles(extra=bare))
    instances = scan_folder(tmp_path).instances
    assert len({i.study_uid for i in instances}) == 2
    assert all(i.study_uid.startswith("folder-") for i in instances)


def test_an_index_file_is_neither_image_nor_problem():
    path = Path(get_testdata_file("DICOMDIR"))
    scan = scan_files([path])
    assert scan.instances == ()
    assert scan.rejected == ()
