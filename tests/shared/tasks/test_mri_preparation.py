"""The road from DICOM files of liver MRI to model input, and everything that can stop it."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  # its documented short name
from mr_files import t1, write_study
from mr_liver import GRIDS, POINT_MM, phantom, phantom_study, with_changed
from scipy import ndimage

from shared.errors import PreparationError
from shared.imaging.normalise import volume_scale
from shared.tasks.liver_range import LiverRange, LiverSource
from shared.tasks.mri_preparation import prepare_mri_study
from shared.tasks.preparation_settings import MriPreparation
from shared.vocabulary import MriRole, MriSequence
from simulations.synthetic.mri_cohort import write_mri_cohort
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec
from simulations.synthetic.mri_vendors import MR_SCANNERS

PREPARATION = MriPreparation(height=40, width=60)
ARTERIAL, T2 = MriSequence.T1_ARTERIAL, MriSequence.T2_FSE
T2_SERIES, OPPOSED_SERIES, ARTERIAL_SERIES = 3, 4, 6


def _prepare(folder, series=None, preparation=PREPARATION, **options):
    write_study(folder, phantom_study() if series is None else series)
    return prepare_mri_study(folder, preparation, **options)


def _centre_of_ball_mm(study, channel):
    images = study.images[:, channel]
    bright = np.clip(images - 0.7 * images.max(), 0, None)
    at = np.array(ndimage.center_of_mass(bright))
    grid = study.grid
    in_plane = at[1] * grid.pixel_mm[0] * grid.axes[0] + at[2] * grid.pixel_mm[1] * grid.axes[1]
    height = np.interp(at[0], np.arange(len(study.positions_mm)), study.positions_mm)
    return np.array([*(grid.origins_mm[0] + in_plane)[:2], height])


def _by_simpleitk(one, grid, scale):
    """Resample a scaled series by an independent program."""
    image = sitk.GetImageFromArray(scale.apply(one.values_hu.astype(np.float32)))
    image.SetSpacing([one.pixel_mm, one.pixel_mm, float(one.z_mm[1] - one.z_mm[0])])
    image.SetOrigin([*one.origin_xy_mm, float(one.z_mm[0])])
    target = sitk.Image(grid.shape[1], grid.shape[0], len(grid.positions_mm), sitk.sitkFloat32)
    target.SetSpacing([grid.pixel_mm[1], grid.pixel_mm[0], grid.step_mm])
    target.SetOrigin(grid.origins_mm[0].tolist())
    linear = sitk.Resample(image, target, sitk.Transform(), sitk.sitkLinear, float("nan"))
    return sitk.GetArrayFromImage(linear)


def test_every_channel_equals_an_independent_resampling_and_is_air_outside(tmp_path):
    study = _prepare(tmp_path)
    assert study.images.shape == (16, 5, 40, 60)
    assert study.images.dtype == np.float32
    assert study.channels == tuple(MriSequence)
    assert study.positions_mm.tolist() == np.arange(0.0, 61, 4.0).tolist()
    by_number = {one.number: one for one in phantom_study()}
    for channel, number in enumerate((6, 7, 9, T2_SERIES, OPPOSED_SERIES)):
        one = by_number[number]
        scale = volume_scale(one.values_hu.astype(np.float32), (one.pixel_mm, one.pixel_mm))
        expected = _by_simpleitk(one, study.grid, scale)
        seen = ~np.isnan(expected)
        assert 0.6 < seen.mean() < 1
        # Margins end half a pixel apart in the two programs; one line of pixels is spared.
        inner = ndimage.binary_erosion(seen, np.ones((1, 3, 3)), border_value=1)
        outer = ~ndimage.binary_dilation(seen, np.ones((1, 3, 3)))
        assert study.images[:, channel][inner] == pytest.approx(expected[inner], abs=1e-4)
        if outer.any():
            assert np.ptp(study.images[:, channel][outer]) == 0.0
            assert study.images[:, channel][outer][0] == pytest.approx(scale.lowest)


def test_a_landmark_comes_out_where_it_is_in_every_channel(tmp_path):
    study = _prepare(tmp_path)
    for channel in range(5):
        off = np.abs(_centre_of_ball_mm(study, channel) - POINT_MM)
        assert (off < [1.3, 1.3, 2.0]).all()  # half a target voxel


def test_oblique_slices_are_laid_onto_the_reference(tmp_path):
    tilt = np.radians(6.0)

    def oblique(one):
        return replace(
            one,
            orientation=(1.0, 0.0, 0.0, 0.0, np.cos(tilt), np.sin(tilt)),
            values_hu=phantom(*GRIDS[T2_SERIES], tilt=tilt),
        )

    study = _prepare(tmp_path, with_changed(T2_SERIES, oblique))
    channel = study.channels.index(T2)
    assert (np.abs(_centre_of_ball_mm(study, channel) - POINT_MM) < [1.3, 1.3, 2.0]).all()
    assert any("T2 FSE: its slices are oblique" in notice for notice in study.notices)


def test_pixels_stored_mirrored_give_the_same_input(tmp_path):
    def mirrored(one):
        width_mm = (one.values_hu.shape[2] - 1) * one.pixel_mm
        return replace(
            one,
            orientation=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            origin_xy_mm=(one.origin_xy_mm[0] + width_mm, one.origin_xy_mm[1]),
            values_hu=one.values_hu[:, :, ::-1],
        )

    study = _prepare(tmp_path / "a", with_changed(T2_SERIES, mirrored))
    assert study.images == pytest.approx(_prepare(tmp_path / "b").images, abs=1e-6)


def test_gain_and_offset_of_each_series_disappear(tmp_path):
    plain = _prepare(tmp_path / "a")
    factors = {3: (2.2, 60), 4: (0.6, 0), 6: (2.2, 0), 7: (1.6, 35), 9: (3.0, 5)}
    series = [
        replace(one, values_hu=gain * one.values_hu + offset)
        for one in phantom_study()
        for gain, offset in (factors.get(one.number, (1.0, 0)),)
    ]
    assert _prepare(tmp_path / "b", series).images == pytest.approx(plain.images, abs=1e-3)


def test_the_order_of_files_and_the_run_change_no_byte(tmp_path):
    first = _prepare(tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(len(files))
        again = prepare_mri_study([files[i] for i in order], PREPARATION)
        assert again.images.tobytes() == first.images.tobytes()
        assert again.roles == first.roles


def test_a_range_and_a_number_of_slices_choose_among_the_same_values(tmp_path):
    whole = _prepare(tmp_path)
    liver = LiverRange(10.0, 50.0, LiverSource.SEGMENTATION)
    few = prepare_mri_study(
        tmp_path, replace(PREPARATION, slices_per_patient=3), liver_range_mm=liver
    )
    assert whole.notices == ()
    assert few.notices == (liver.sentence(),)
    assert few.liver_range == liver
    assert few.positions_mm.tolist() == [16.0, 32.0, 48.0]
    assert np.array_equal(few.images, whole.images[[4, 8, 12]])


def test_any_subset_of_sequences_can_be_asked_for(tmp_path):
    whole = _prepare(tmp_path, preparation=replace(PREPARATION, sequences=(ARTERIAL, T2)))
    assert whole.channels == (ARTERIAL, T2)
    alone = prepare_mri_study(tmp_path, replace(PREPARATION, sequences=(T2,)))
    assert alone.positions_mm.tolist() == GRIDS[T2_SERIES][0].tolist()


def test_shading_is_removed_where_it_is_asked_for(tmp_path):
    _, x = np.indices(GRIDS[ARTERIAL_SERIES][2])
    shading = np.exp(0.5 * np.cos(np.pi * x / x.max()))

    def shaded(one):
        return replace(one, values_hu=np.round(one.values_hu * shading))

    series = [with_changed(ARTERIAL_SERIES, shaded)[3]]
    only = replace(PREPARATION, sequences=(ARTERIAL,), slices_per_patient=1)
    spread = {}
    for name, bias_field in (("left", False), ("removed", True)):
        wanted = replace(only, bias_field=bias_field)
        images = _prepare(tmp_path / name, series, wanted).images[0, 0]
        spread[name] = images[23:29, 34:44].std()  # below the ball, all one tissue
    assert spread["removed"] < 0.6 * spread["left"]


def test_what_is_no_image_of_liver_mri_is_left_out_with_a_reason(tmp_path):
    localizer = t1(1, "localizer", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    study = _prepare(tmp_path, [localizer, *phantom_study()])
    assert [name for name, _ in study.excluded] == ["series 1 (4 images)"]
    assert {role.role for role in study.roles} == {
        *(MriRole(s) for s in tuple(MriSequence)[:4]),
        MriRole.IN_PHASE,
        MriRole.OPPOSED_PHASE,
    }


def _one_patient(folder, scanner):
    spec = MriCohortSpec((MriSiteSpec("site-a", 1, scanner),), seed=11, columns=56, slices=12)
    write_mri_cohort(spec, folder, workers=1, progress=None)
    (study,) = (folder / "site-a" / "dicom").iterdir()
    return study


@pytest.mark.parametrize("scanner", ["uih", "siemens", "ge", "philips"])
def test_each_vendor_gives_five_channels_that_show_one_patient_on_one_scale(tmp_path, scanner):
    study = prepare_mri_study(_one_patient(tmp_path, scanner), PREPARATION)
    assert study.images.shape[1:] == (5, 40, 60)
    assert len(study.images) >= 9
    assert sorted(role.role.value for role in study.roles) == [
        "in_phase",
        "opposed_phase",
        "t1_arterial",
        "t1_delayed",
        "t1_portal",
        "t2_fse",
    ]
    outlines = [images > images.min() + 0.5 for images in study.images.swapaxes(0, 1)]
    for images, outline in zip(study.images.swapaxes(0, 1), outlines, strict=True):
        body = np.stack([ndimage.binary_fill_holes(plane) for plane in outline])
        assert images[body].mean() == pytest.approx(0.0, abs=0.35)
        assert images[body].std() == pytest.approx(1.0, abs=0.2)


def test_dual_echo_in_one_series_or_in_two_gives_the_same_input(tmp_path, monkeypatch):
    one = MR_SCANNERS["ge"]
    monkeypatch.setitem(MR_SCANNERS, "ge-two-series", replace(one, dual_echo_in_one_series=False))
    first = prepare_mri_study(_one_patient(tmp_path / "a", "ge"), PREPARATION)
    second = prepare_mri_study(_one_patient(tmp_path / "b", "ge-two-series"), PREPARATION)
    assert np.array_equal(first.images, second.images)
    names = [[r.series for r in s.roles if r.series.startswith(("series 4", "series 5"))]
             for s in (first, second)]  # fmt: skip
    assert ["part 2" in name for name in names[0]] == [False, True]
    assert [name.split(" (")[0] for name in names[1]] == ["series 4", "series 5"]


def test_a_study_that_says_little_asks_for_each_phase_and_takes_a_persons_word(tmp_path):
    study = _one_patient(tmp_path, "siemens-unnamed")
    with pytest.raises(PreparationError) as refused:
        prepare_mri_study(study, PREPARATION)
    assert [p.where for p in refused.value.problems] == ["T1 arterial", "T1 portal", "T1 delayed"]
    decisions = prepare_mri_study(study, replace(PREPARATION, sequences=(T2,))).roles
    silent = [one.volume_id for one in decisions if one.role is None]
    phases = (MriRole.T1_ARTERIAL, MriRole.T1_PORTAL, MriRole.T1_DELAYED)
    roles = dict(zip(silent, phases, strict=True))
    assert prepare_mri_study(study, PREPARATION, roles=roles).channels == tuple(MriSequence)
