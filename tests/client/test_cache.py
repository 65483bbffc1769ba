"""Prepared images on disk: whole or refused, sealed with the site's key, never out of date."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from client.cache import PREPARATION_DIGITS, SUFFIX, CacheError, cache_key, load, reseal, store
from client.catalogue_records import FileRecord, StudyRecord
from client.image_settings import ImageSettings, SegmenterSettings
from shared.imaging.resample import PlaneStack
from shared.tasks.preparation_settings import CtPreparation, MriPreparation
from shared.tasks.prepared_study import PreparedStudy, SeriesRole
from shared.vocabulary import CtPhase, MriRole, MriSequence

PREPARATION = CtPreparation((CtPhase.PORTAL,), image_size=8)
MRI = MriPreparation((MriSequence.T1_ARTERIAL,), height=6, width=8)
SEGMENTER = SegmenterSettings("TotalSegmentator", Path("weights"))
STUDY = StudyRecord("1.2", "P1", (FileRecord("a", 10, 1, "image", sop_uid="1.2.1"),))
NAME = "0" * 64
SECRET, OTHER = b"k" * 32, b"o" * 32


def _prepared():
    images = np.random.default_rng(0).random((3, 1, 8, 8)).astype(np.float32)
    z = np.arange(3.0)
    grid = PlaneStack(np.zeros((3, 3)), np.eye(3)[:2], z, (1.0, 1.0), (8, 8))
    role = SeriesRole("series 4", "1.2.4", CtPhase.PORTAL, ("text",), 0.8, "")
    return PreparedStudy(images, z, (CtPhase.PORTAL,), (role,), (), ("a notice",), grid)


def _file(folder):
    return folder / f"{NAME}{SUFFIX}"


@pytest.mark.parametrize("secret", [SECRET, None])
def test_what_was_stored_is_loaded_and_cannot_be_written_to(tmp_path, secret):
    prepared = _prepared()
    store(tmp_path, NAME, prepared, secret)
    cached = load(tmp_path, NAME, secret)
    assert np.array_equal(cached.images, prepared.images)
    assert cached.notices == ("a notice",)
    assert cached.roles == ("series 4: portal (text)",)
    assert cached.positions_mm == (0.0, 1.0, 2.0)
    with pytest.raises(ValueError, match="read-only"):
        cached.images[0] = 0


def test_a_prepared_mri_study_is_kept_like_a_ct_study(tmp_path):
    images = np.random.default_rng(1).normal(size=(2, 1, 6, 8)).astype(np.float32)
    z = np.arange(2.0)
    grid = PlaneStack(np.zeros((2, 3)), np.eye(3)[:2], z, (1.0, 1.0), (6, 8))
    role = SeriesRole("series 7", "1.2.7", MriRole.T1_ARTERIAL, ("timing",), 0.9, "")
    sequences = (MriSequence.T1_ARTERIAL,)
    store(tmp_path, NAME, PreparedStudy(images, z, sequences, (role,), (), (), grid), SECRET)
    cached = load(tmp_path, NAME, SECRET)
    assert np.array_equal(cached.images, images)
    assert cached.roles == ("series 7: t1_arterial (timing)",)


def test_nothing_of_the_content_can_be_read_without_the_key(tmp_path):
    prepared = _prepared()
    store(tmp_path, NAME, prepared, SECRET)
    raw = _file(tmp_path).read_bytes()
    assert b"a notice" not in raw
    assert prepared.images.tobytes()[:64] not in raw
    assert _file(tmp_path).stat().st_mode & 0o077 == 0


def test_the_same_study_is_sealed_differently_every_time(tmp_path):
    store(tmp_path, NAME, _prepared(), SECRET)
    first = _file(tmp_path).read_bytes()
    store(tmp_path, NAME, _prepared(), SECRET)
    assert _file(tmp_path).read_bytes()[40:72] != first[40:72]


def test_nothing_is_left_over_beside_the_entry(tmp_path):
    store(tmp_path, NAME, _prepared(), SECRET)
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}{SUFFIX}"]


def test_an_absent_entry_is_none(tmp_path):
    assert load(tmp_path, NAME, SECRET) is None


@pytest.mark.parametrize("secret", [SECRET, None])
@pytest.mark.parametrize("place", [2, 15, 34, 60, -5])
def test_a_flipped_bit_anywhere_is_refused(tmp_path, secret, place):
    store(tmp_path, NAME, _prepared(), secret)
    content = bytearray(_file(tmp_path).read_bytes())
    content[place] ^= 4
    _file(tmp_path).write_bytes(content)
    with pytest.raises(CacheError):
        load(tmp_path, NAME, secret)


@pytest.mark.parametrize("size", [0, 7, 41, 300])
def test_a_cut_file_is_refused(tmp_path, size):
    store(tmp_path, NAME, _prepared(), SECRET)
    _file(tmp_path).write_bytes(_file(tmp_path).read_bytes()[:size])
    with pytest.raises(CacheError):
        load(tmp_path, NAME, SECRET)


@pytest.mark.parametrize(
    ("stored", "asked", "said"),
    [
        (SECRET, OTHER, "another key"),
        (SECRET, None, "no key is set"),
        (None, SECRET, "not encrypted"),
    ],
)
def test_another_key_is_told_from_damage(tmp_path, stored, asked, said):
    store(tmp_path, NAME, _prepared(), stored)
    with pytest.raises(CacheError, match=said):
        load(tmp_path, NAME, asked)


def test_files_cannot_be_exchanged(tmp_path):
    store(tmp_path, NAME, _prepared(), SECRET)
    _file(tmp_path).rename(tmp_path / f"{'1' * 64}{SUFFIX}")
    with pytest.raises(CacheError):
        load(tmp_path, "1" * 64, SECRET)


def test_resealing_changes_the_key_and_not_the_content_and_may_be_repeated(tmp_path):
    store(tmp_path, NAME, _prepared(), SECRET)
    before = load(tmp_path, NAME, SECRET)
    for _ in range(2):
        reseal(_file(tmp_path), SECRET, OTHER)
        assert np.array_equal(load(tmp_path, NAME, OTHER).images, before.images)
    with pytest.raises(CacheError):
        load(tmp_path, NAME, SECRET)


def test_every_input_of_the_preparation_changes_the_name():
    file = STUDY.files[0]
    keys = [
        cache_key(STUDY, PREPARATION, None, {}, ImageSettings()),
        cache_key(STUDY, PREPARATION, (0.0, 1.0), {}, ImageSettings()),
        cache_key(STUDY, PREPARATION, None, {"1.2.4": CtPhase.PORTAL}, ImageSettings()),
        cache_key(STUDY, PREPARATION, None, {"1.2.4": None}, ImageSettings()),
        cache_key(STUDY, PREPARATION, None, {}, ImageSettings(registration=True)),
        cache_key(STUDY, PREPARATION, None, {}, ImageSettings(), "0" * 64),
        cache_key(STUDY, PREPARATION, None, {}, ImageSettings(segmenter=SEGMENTER)),
        cache_key(
            STUDY, PREPARATION, None, {}, ImageSettings(words=((CtPhase.PORTAL, ("二期",)),))
        ),
        cache_key(STUDY, MRI, None, {}, ImageSettings()),
        cache_key(STUDY, MRI, None, {"1.2.4": MriRole.T1_ARTERIAL}, ImageSettings()),
        cache_key(STUDY, MRI, None, {"1.2.4": MriRole.IN_PHASE}, ImageSettings()),
        cache_key(STUDY, replace(MRI, bias_field=True), None, {}, ImageSettings()),
        cache_key(STUDY, replace(PREPARATION, image_size=9), None, {}, ImageSettings()),
        cache_key(STUDY, replace(PREPARATION, version="ct-0"), None, {}, ImageSettings()),
        cache_key(
            replace(STUDY, files=(replace(file, size=11),)), PREPARATION, None, {}, ImageSettings()
        ),
        cache_key(
            replace(STUDY, files=(replace(file, modified_ns=2),)),
            PREPARATION,
            None,
            {},
            ImageSettings(),
        ),
        cache_key(
            replace(STUDY, files=(replace(file, sop_uid="9"),)),
            PREPARATION,
            None,
            {},
            ImageSettings(),
        ),
    ]
    assert len(set(keys)) == len(keys)


def test_names_of_one_preparation_begin_alike():
    other = replace(STUDY, study_uid="1.3")
    one, two = (cache_key(s, PREPARATION, None, {}, ImageSettings()) for s in (STUDY, other))
    assert one[:PREPARATION_DIGITS] == two[:PREPARATION_DIGITS]
    mri = cache_key(STUDY, MRI, None, {}, ImageSettings())
    assert one[:PREPARATION_DIGITS] != mri[:PREPARATION_DIGITS]


def test_the_name_does_not_depend_on_the_order_of_files():
    files = (*STUDY.files, FileRecord("b", 11, 1, "image", sop_uid="1.2.2"))
    one = cache_key(replace(STUDY, files=files), PREPARATION, None, {}, ImageSettings())
    assert one == cache_key(
        replace(STUDY, files=files[::-1]), PREPARATION, None, {}, ImageSettings()
    )
