"""Series that are no liver volume, each with its reason."""

from dataclasses import replace

import pytest
from ct_files import CtFiles, write_ct

from shared.dicom.exclusion import ct_exclusion_reason, scan_plane
from shared.dicom.scan import scan_folder
from shared.dicom.series import CandidateSeries, group_series


@pytest.fixture
def portal(tmp_path):
    write_ct(tmp_path, CtFiles())
    (series,) = group_series(scan_folder(tmp_path).instances)
    return series


def _changed(series: CandidateSeries, **changes) -> CandidateSeries:
    return replace(series, instances=tuple(replace(i, **changes) for i in series.instances))


def test_an_axial_ct_series_is_kept(portal):
    assert ct_exclusion_reason(portal) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "localizer"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 MON")}, "bolus tracking"),
        ({"image_type": ("DERIVED", "SECONDARY", "MPR")}, "reformatted view"),
        ({"image_type": ("DERIVED", "PRIMARY", "MIP")}, "projection"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "M", "MOSAIC")}, "mosaic"),
        ({"description": "定位像"}, "localizer"),
        ({"description": "团注监测"}, "bolus tracking"),
        ({"description": "剂量报告"}, "dose"),
        ({"description": "Dose Report"}, "dose"),
        ({"description": "Patient Protocol"}, "protocol page"),
        ({"description": "门脉减影"}, "subtraction"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"samples": 3, "photometric": "RGB"}, "colour"),
        ({"modality": "SEG"}, "segmentation"),
        ({"modality": "MR"}, "MR, not CT"),
        ({"frames": 60}, "multi-frame"),
        ({"burned_in": True}, "burned"),
        ({"bits_stored": 8}, "8 bits"),
        ({"body_part": "HEAD"}, "another part of the body"),
        ({"orientation": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)}, "coronal"),
        ({"orientation": (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)}, "sagittal"),
        ({"has_pixels": False}, "no images"),
    ],
)
def test_what_is_no_liver_volume_is_left_out_with_its_reason(portal, changes, reason):
    assert reason in (ct_exclusion_reason(_changed(portal, **changes)) or "nothing")


@pytest.mark.parametrize(
    "description",
    ["低剂量 门脉期", "Low dose abdomen portal", "Abdomen CAREDose4D", "Liver 3.0 B30f"],
)
def test_a_dose_setting_in_the_name_excludes_nothing(portal, description):
    assert ct_exclusion_reason(_changed(portal, description=description)) is None


def test_two_images_are_no_volume(portal):
    short = replace(portal, instances=portal.instances[:2])
    assert "fewer than 3" in (ct_exclusion_reason(short) or "")


def test_the_plane_comes_from_directions_not_from_the_name(portal):
    assert scan_plane(_changed(portal, description="coronal")) == "axial"
    assert scan_plane(_changed(portal, orientation=None)) == "unknown"
