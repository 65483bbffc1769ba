"""What stops the MRI road, each with a sentence that names the sequence and what to do."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from ct_files import write_ct
from mr_files import write_study
from mr_liver import phantom_study, with_changed

from shared.errors import PreparationError
from shared.tasks.mri_preparation import prepare_mri_study
from shared.tasks.preparation_settings import MriPreparation
from shared.vocabulary import MriRole

PREPARATION = MriPreparation(height=40, width=60)
T2_SERIES = 3


def _prepare(folder, series=None, preparation=PREPARATION, **options):
    write_study(folder, phantom_study() if series is None else series)
    return prepare_mri_study(folder, preparation, **options)


def _refusal(folder, series, **options):
    with pytest.raises(PreparationError) as refused:
        _prepare(folder, series, **options)
    return str(refused.value)


def test_every_missing_sequence_is_named_with_its_column(tmp_path):
    text = _refusal(tmp_path, [one for one in phantom_study() if one.number in (5, 6)])
    for column in ("t1_portal", "t1_delayed", "t2_fse", "opposed_phase"):
        assert f"column {column}_series" in text
    assert "in phase, t1 arterial" in text


def test_two_t2_series_are_a_question_that_a_confirmed_role_answers(tmp_path):
    again = [replace(one, number=11, acquired="101100") for one in phantom_study()[:1]]
    text = _refusal(tmp_path, [*phantom_study(), *again])
    assert "T2 FSE: expected exactly one series, got 2 candidates" in text
    assert "column t2_fse_series" in text
    confirmed = {"2.25.1000.11": MriRole.T2_FSE}
    study = prepare_mri_study(tmp_path, PREPARATION, roles=confirmed)
    (role,) = [r for r in study.roles if r.volume_id == "2.25.1000.11"]
    assert (role.role, role.evidence) == (MriRole.T2_FSE, ("confirmed by a person",))


def test_a_truncated_image_is_named_by_its_sequence(tmp_path):
    write_study(tmp_path, phantom_study())
    broken = sorted((tmp_path / "2.25.1000-7").iterdir())[5]
    broken.write_bytes(broken.read_bytes()[:-500])
    with pytest.raises(PreparationError, match="T1 portal: expected one regular volume, got"):
        prepare_mri_study(tmp_path, PREPARATION)


def test_an_image_that_changes_after_the_scan_is_named_by_its_sequence(tmp_path):
    def flat(one):
        return replace(one, values_hu=np.full_like(one.values_hu, 80.0))

    text = _refusal(tmp_path, with_changed(T2_SERIES, flat))
    assert text.startswith("T2 FSE: The volume has one intensity throughout")


def test_another_frame_of_reference_is_refused_with_a_sentence(tmp_path):
    series = with_changed(T2_SERIES, lambda one: replace(one, frame_uid="2.25.9"))
    text = _refusal(tmp_path, series)
    assert "different frames of reference" in text
    assert "'registration = true' under [alignment]" in text


def test_a_series_without_a_frame_of_reference_is_taken_as_common_with_a_notice(tmp_path):
    series = with_changed(T2_SERIES, lambda one: replace(one, frame_uid=""))
    study = _prepare(tmp_path, series)
    assert study.notices == (
        "Not every sequence names its frame of reference; positions were taken as common.",
    )


def test_a_sequence_that_covers_less_than_half_is_refused_and_a_short_one_costs_slices(tmp_path):
    def lowest(count):
        def cut(one):
            return replace(one, z_mm=one.z_mm[:count], values_hu=one.values_hu[:count])

        return with_changed(T2_SERIES, cut)

    text = _refusal(tmp_path / "a", lowest(4))
    assert text.startswith("T2 FSE: covers 5 of 16 wanted slices of the T1 arterial sequence")
    # The same short series serves where the liver lies in it.
    low = prepare_mri_study(tmp_path / "a", PREPARATION, liver_range_mm=(0.0, 12.0))
    assert low.positions_mm.tolist() == [0.0, 4.0, 8.0, 12.0]
    study = _prepare(tmp_path / "b", lowest(8))
    assert study.positions_mm.tolist() == np.arange(0.0, 45, 4.0).tolist()
    assert study.notices == ("4 of 16 slices are not covered by every sequence and were left out.",)


def test_several_studies_need_the_uid_of_one(tmp_path):
    write_study(tmp_path, phantom_study())
    shutil.copytree(tmp_path / "2.25.1000-3", tmp_path / "copy")
    other = replace(phantom_study()[0], study_uid="2.25.7777")
    write_ct(tmp_path / "other", other)
    with pytest.raises(PreparationError, match="got 2 studies"):
        prepare_mri_study(tmp_path, PREPARATION)
    study = prepare_mri_study(tmp_path, PREPARATION, study_uid="2.25.1000")
    assert study.notices == ("11 copies of images of series 3 (11 images) were left out.",)
