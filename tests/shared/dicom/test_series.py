"""Splitting what one series calls one into what can be one volume."""

from dataclasses import replace

from ct_files import CtFiles, write_ct

from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series


def _instances(folder, *series):
    for number, one in enumerate(series):
        write_ct(folder / str(number), one)
    return scan_folder(folder).instances


def test_two_echoes_of_one_series_are_two_volumes(tmp_path):
    instances = _instances(tmp_path, CtFiles())
    echoes = [
        *(replace(i, echo_time_ms=2.3) for i in instances),
        *(replace(i, echo_time_ms=4.6, sop_uid=i.sop_uid + ".1") for i in instances),
    ]
    volumes = group_series(echoes)
    assert [len(v.instances) for v in volumes] == [4, 4]
    assert volumes[1].volume_id == volumes[0].volume_id + "#2"


def test_repeated_positions_are_split_by_acquisition(tmp_path):
    instances = _instances(tmp_path, CtFiles())
    again = [
        replace(i, acquisition_number=2, sop_uid=i.sop_uid + ".1", acquired_s=99.0)
        for i in instances
    ]
    volumes = group_series([*instances, *again])
    assert sorted(len(v.instances) for v in volumes) == [4, 4]
    assert volumes[0].head.acquired_s == 99.0  # in order of time


def test_acquisitions_one_after_the_other_stay_one_volume(tmp_path):
    instances = _instances(tmp_path, CtFiles())
    mixed = [replace(i, acquisition_number=n // 2) for n, i in enumerate(instances)]
    assert len(group_series(mixed)) == 1


def test_copies_of_a_file_are_left_out_and_counted(tmp_path):
    instances = _instances(tmp_path, CtFiles())
    (volume,) = group_series([*instances, *instances[:2]])
    assert len(volume.instances) == 4
    assert volume.copies == 2


def test_a_damaged_copy_gives_way_to_a_whole_one(tmp_path):
    instances = _instances(tmp_path, CtFiles())
    broken = replace(instances[0], damage="it is cut short")
    (volume,) = group_series([broken, *instances])
    assert not any(i.damage for i in volume.instances)


def test_a_name_for_people_carries_no_text_of_the_file(tmp_path):
    (volume,) = group_series(_instances(tmp_path, CtFiles(description="Wang^Xiao portal")))
    assert volume.name == "series 2 (4 images)"
