"""Prepared images on disk: whole or absent, never out of date."""

from dataclasses import replace

import numpy as np
import pytest

from client.cache import cache_key, load, store
from client.catalogue import FileRecord, StudyRecord
from shared.imaging.resample import PlaneStack
from shared.tasks.preparation import CtPreparation, PreparedStudy, SeriesRole
from shared.vocabulary import CtPhase

PREPARATION = CtPreparation((CtPhase.PORTAL,), image_size=8)
STUDY = StudyRecord("1.2", "P1", (FileRecord("a", 10, 1, "image", sop_uid="1.2.1"),))
KEY = "0" * 64


def _prepared():
    images = np.random.default_rng(0).random((3, 1, 8, 8)).astype(np.float32)
    z = np.arange(3.0)
    grid = PlaneStack(np.zeros((3, 3)), np.eye(3)[:2], z, (1.0, 1.0), (8, 8))
    role = SeriesRole("series 4", "1.2.4", CtPhase.PORTAL, ("text",), 0.8, "")
    return PreparedStudy(images, z, (CtPhase.PORTAL,), (role,), (), ("a notice",), grid)


def test_what_was_stored_is_loaded_and_cannot_be_written_to(tmp_path):
    prepared = _prepared()
    store(tmp_path, KEY, prepared)
    cached = load(tmp_path, KEY)
    assert np.array_equal(cached.images, prepared.images)
    assert cached.notices == ("a notice",)
    assert cached.roles == ("series 4: portal (text)",)
    with pytest.raises(ValueError, match="read-only"):
        cached.images[0] = 0


def test_nothing_is_left_over_beside_the_entry(tmp_path):
    store(tmp_path, KEY, _prepared())
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".npy"]


def test_an_absent_entry_is_none(tmp_path):
    assert load(tmp_path, KEY) is None


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_flipped_bit_or_a_cut_makes_the_entry_absent(tmp_path, suffix):
    store(tmp_path, KEY, _prepared())
    path = tmp_path / f"{KEY}{suffix}"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert load(tmp_path, KEY) is None
    at = len(whole) - 20 if suffix == ".npy" else 15  # a pixel, a digit of the checksum
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert load(tmp_path, KEY) is None


def test_every_input_of_the_preparation_changes_the_name():
    file = STUDY.files[0]
    keys = [
        cache_key(STUDY, PREPARATION, None, {}),
        cache_key(STUDY, PREPARATION, (0.0, 1.0), {}),
        cache_key(STUDY, PREPARATION, None, {"1.2.4": CtPhase.PORTAL}),
        cache_key(STUDY, replace(PREPARATION, image_size=9), None, {}),
        cache_key(STUDY, replace(PREPARATION, version="ct-0"), None, {}),
        cache_key(replace(STUDY, files=(replace(file, size=11),)), PREPARATION, None, {}),
        cache_key(replace(STUDY, files=(replace(file, modified_ns=2),)), PREPARATION, None, {}),
        cache_key(replace(STUDY, files=(replace(file, sop_uid="9"),)), PREPARATION, None, {}),
    ]
    assert len(set(keys)) == len(keys)


def test_the_name_does_not_depend_on_the_order_of_files():
    files = (*STUDY.files, FileRecord("b", 11, 1, "image", sop_uid="1.2.2"))
    one = cache_key(replace(STUDY, files=files), PREPARATION, None, {})
    assert one == cache_key(replace(STUDY, files=files[::-1]), PREPARATION, None, {})
