"""Every set of real scanner files gives the outcome that its manifest row describes.

The files are not part of the project; where the folder is absent these tests are skipped.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.dicom.exclusion import ct_exclusion_reason, exclusion_reason
from shared.dicom.geometry import order_volume
from shared.dicom.mr_exclusion import mr_exclusion_reason
from shared.dicom.mri_roles import decide_sequences
from shared.dicom.pixels import AIR_HU, decode_image, decode_slices
from shared.dicom.roles import decide_phases
from shared.dicom.scan import scan_folder
from shared.dicom.segmentation import segmented_range_mm
from shared.dicom.series import group_series
from shared.errors import VolumeError
from shared.vocabulary import CtPhase

REAL = Path(__file__).resolve().parents[4] / "shared" / "dicom"

pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real scanner files are not beside the repository"
)


def _series(name):
    return group_series(scan_folder(REAL / name).instances)


def test_liver_in_portal_phase_is_known_by_its_time_and_spaced_by_its_positions():
    (series,) = _series("ct_liver_venous_siemens_j2k")
    geometry = order_volume(series)
    (decision,) = decide_phases([series])
    values = decode_slices(geometry.instances[:2])
    assert ct_exclusion_reason(series) is None
    assert geometry.shape == (20, 512, 512)
    assert geometry.step_mm == pytest.approx(2.0)
    assert series.head.slice_thickness_mm == 3.0
    assert decision.phase is CtPhase.PORTAL
    assert "acquired 96 s after the start of injection" in decision.evidence
    assert values.min() == AIR_HU
    assert 1000 < values.max() < 3072


def test_a_mixed_head_study_is_rejected_series_by_series():
    series = _series("ct_study_philips_mixed")
    reasons = [ct_exclusion_reason(one) or "" for one in series]
    assert len(series) == 3
    assert "localizer" in reasons[0]
    assert all("another part of the body" in reason for reason in reasons[1:])


def test_a_gantry_tilt_is_measured():
    tilts = [
        order_volume(one).tilt_degrees
        for one in _series("ct_study_philips_mixed")
        if len(one.instances) > 1
    ]
    assert tilts == pytest.approx([0.0, 18.5], abs=0.01)


def test_bolus_tracking_is_no_volume():
    (series,) = _series("ct_not_a_volume_bolus_tracking")
    assert "bolus tracking" in (exclusion_reason(series) or "")
    with pytest.raises(VolumeError, match="same table position"):
        order_volume(series)


def test_a_missing_slice_is_named():
    (series,) = _series("ct_missing_slice")
    with pytest.raises(VolumeError, match=r"missing.*10\.0 mm wide where 5\.0 mm"):
        order_volume(series)


def test_united_imaging_sagittal_head_is_read_and_no_ct():
    (series,) = _series("mr_uih_umr770_t1_3d")
    geometry = order_volume(series)
    assert geometry.shape == (3, 512, 460)
    assert geometry.step_mm == pytest.approx(1.0, abs=0.01)
    assert "MR, not CT" in (ct_exclusion_reason(series) or "")
    assert "another part of the body" in (mr_exclusion_reason(series) or "")


def test_united_imaging_frequency_in_hertz_is_read_as_three_tesla():
    (series,) = _series("mr_uih_umr770_t1_3d")
    mr = series.head.mr
    assert mr.scanning == ("GR", "IR")
    assert mr.volumetric is True
    assert mr.frequency_mhz == pytest.approx(128.175847)
    assert mr.field_tesla == 3.0


def test_two_echoes_in_one_series_are_two_volumes():
    volumes = _series("mr_dual_echo_one_series_siemens")
    assert [order_volume(volume).shape[0] for volume in volumes] == [8, 8]
    assert [volume.head.echo_time_ms for volume in volumes] == [5.19, 7.65]
    assert all("another part of the body" in (mr_exclusion_reason(one) or "") for one in volumes)


def test_echo_physics_tells_in_phase_and_asks_where_the_echo_lies_between():
    # A field map's echoes at 123.26 MHz: 2.17 cycles are nearly whole, 3.21 are neither.
    first, second = decide_sequences(_series("mr_dual_echo_one_series_siemens"))
    assert "2.17 fat-water cycles at its echo: in phase" in first.evidence
    assert "3.21 fat-water cycles at its echo: between in and opposed phase" in second.evidence
    assert (first.role, second.role) == (None, None)  # no pair of in and opposed: a person says


def test_one_image_decodes_alike_from_five_transfer_syntaxes():
    instances = scan_folder(REAL / "transfer_syntaxes_mr_siemens").instances
    digests = {hashlib.sha256(decode_image(one).tobytes()).hexdigest() for one in instances}
    assert len({one.transfer_syntax for one in instances}) == 5
    assert len(digests) == 1


def test_a_mosaic_is_no_volume():
    (series,) = _series("transfer_syntaxes_mr_siemens")
    assert "mosaic" in (exclusion_reason(series) or "")
    assert "mosaic" in (mr_exclusion_reason(series) or "")


def test_secondary_captures_in_four_character_sets_are_read_and_left_out():
    series = _series("charset_gb18030_utf8")
    assert len(series) == 4
    assert all("secondary capture" in (exclusion_reason(one) or "") for one in series)


def test_a_segmentation_is_told_from_its_ct_and_padding_is_air():
    segmentation, ct = _series("seg_liver_dcmqi")
    assert "segmentation" in (exclusion_reason(segmentation) or "")
    assert ct_exclusion_reason(ct) is None
    assert decode_slices(order_volume(ct).instances).min() == AIR_HU


def test_a_derived_view_does_not_enter_a_volume():
    (series,) = _series("mr_abdomen_overlay_siemens")
    assert "derived" in (exclusion_reason(series) or "")
    assert "derived" in (mr_exclusion_reason(series) or "")


def test_enhanced_mr_without_functional_groups_is_refused_with_what_to_do():
    instances = scan_folder(REAL / "enhanced_multiframe").instances
    (series,) = group_series(one for one in instances if one.modality == "MR")
    assert series.copies == 1  # the JPEG-LS twin carries the same UID
    assert exclusion_reason(series) == (
        "it is a multi-frame object (10 frames in one file) without the functional groups that "
        "place each frame in the patient; ask the archive for the original or for single-frame "
        "images"
    )


def test_enhanced_mr_and_its_compressed_twin_hold_the_same_pixels():
    plain, compressed = (
        np.stack([decode_image(replace(one, frame=frame)) for frame in range(one.frames)])
        for one in scan_folder(REAL / "enhanced_multiframe").instances
        if one.modality == "MR"
    )
    assert plain.shape == (10, 64, 64)
    assert np.array_equal(plain, compressed)
    assert len({frame.tobytes() for frame in plain}) == 10


def test_enhanced_ct_frames_are_placed_and_scaled_and_left_out_as_a_perfusion_map():
    instances = scan_folder(REAL / "enhanced_multiframe").instances
    (series,) = group_series(one for one in instances if one.modality == "CT")
    geometry = order_volume(series)
    assert geometry.shape == (2, 512, 512)
    assert geometry.step_mm == pytest.approx(10.0)
    assert [one.frame for one in geometry.instances] == [0, 1]
    assert series.head.rescale == (1.0, -1024.0)
    assert "perfusion" in (exclusion_reason(series) or "")


def test_every_slice_is_rescaled_by_its_own_slope():
    (series,) = _series("mr_rescale_per_slice")
    geometry = order_volume(series)
    values = decode_slices(geometry.instances)
    assert geometry.step_mm == pytest.approx(0.5, abs=0.01)
    lowest = values.reshape(4, -1).min(axis=1)
    assert len(np.unique(lowest.round(3))) == 4
    assert values.max() < 100  # stored values reach 32767


def test_a_silent_converted_series_is_a_question():
    (series,) = _series("mr_rescale_per_slice")
    (decision,) = decide_sequences([series])
    assert decision.role is None
    assert "neither its echoes nor its description" in decision.question


def test_a_segmentation_is_aligned_with_its_ct_by_geometry():
    _, ct = _series("seg_liver_dcmqi")
    ends = segmented_range_mm(REAL / "seg_liver_dcmqi" / "liver.dcm", order_volume(ct))
    assert ends == pytest.approx((-128.69, -126.69), abs=1e-3)
