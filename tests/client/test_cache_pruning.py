"""What nobody names is deleted, soon or after a month; what is not ours stays for ever."""

import os
import time

import pytest

from client.cache import SUFFIX, cache_key
from client.cache_pruning import UNUSED_DAYS, prune
from client.catalogue_records import FileRecord, StudyRecord
from client.image_settings import ImageSettings
from shared.tasks.preparation_settings import CtPreparation, MriPreparation
from shared.vocabulary import CtPhase

PORTAL = CtPreparation((CtPhase.PORTAL,), image_size=8)
STUDIES = [
    StudyRecord(f"1.{n}", f"P{n}", (FileRecord("a", 10, n, "image", sop_uid=f"1.{n}.1"),))
    for n in range(3)
]


def _name(study, preparation=PORTAL):
    return cache_key(study, preparation, None, {}, ImageSettings())


def _write(folder, name, days_ago=0.0):
    path = folder / name
    path.write_bytes(b"content")
    then = time.time() - days_ago * 86_400
    os.utime(path, (then, then))
    return path


def test_what_is_named_stays_and_counts_as_used_today(tmp_path):
    kept = _write(tmp_path, f"{_name(STUDIES[0])}{SUFFIX}", days_ago=400)
    assert prune(tmp_path, [_name(study) for study in STUDIES]) == 0
    assert time.time() - kept.stat().st_mtime < 60


def test_what_was_used_today_is_not_touched(tmp_path):
    kept = _write(tmp_path, f"{_name(STUDIES[0])}{SUFFIX}", days_ago=0.5)
    before = kept.stat().st_mtime_ns
    assert prune(tmp_path, {_name(STUDIES[0])}) == 0
    assert kept.stat().st_mtime_ns == before


def test_a_patient_who_left_is_deleted_at_once(tmp_path):
    kept, left = (_write(tmp_path, f"{_name(study)}{SUFFIX}") for study in STUDIES[:2])
    assert prune(tmp_path, {_name(STUDIES[0])}) == 1
    assert kept.is_file()
    assert not left.exists()


@pytest.mark.parametrize("other", [CtPreparation((CtPhase.PLAIN,)), MriPreparation()])
def test_images_of_another_preparation_are_deleted_after_a_month_without_use(tmp_path, other):
    recent = _write(tmp_path, f"{_name(STUDIES[0], other)}{SUFFIX}", UNUSED_DAYS - 1)
    unused = _write(tmp_path, f"{_name(STUDIES[1], other)}{SUFFIX}", UNUSED_DAYS + 1)
    assert prune(tmp_path, {_name(STUDIES[0])}) == 1
    assert recent.is_file()
    assert not unused.exists()


def test_without_any_study_only_the_unused_is_deleted(tmp_path):
    recent = _write(tmp_path, f"{_name(STUDIES[0])}{SUFFIX}")
    assert prune(tmp_path, ()) == 0
    assert recent.is_file()


def test_a_draft_of_a_killed_process_is_deleted_and_a_fresh_one_is_not(tmp_path):
    fresh = _write(tmp_path, f"{_name(STUDIES[0])}{SUFFIX}.17.tmp")
    dead = _write(tmp_path, f"{_name(STUDIES[0])}{SUFFIX}.18.tmp", days_ago=2)
    assert prune(tmp_path, {_name(STUDIES[0])}) == 1
    assert fresh.is_file()
    assert not dead.exists()


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        f"holiday{SUFFIX}",
        f"{'0' * 63}{SUFFIX}",
        f"{'0' * 65}{SUFFIX}",
        f"{'A' * 64}{SUFFIX}",
        f"{'0' * 64}{SUFFIX}.bak",
        f"{'0' * 64}{SUFFIX}\n",
        "0" * 64,
        f"{'0' * 64}{SUFFIX}.tmp",
    ],
)
def test_files_of_others_are_never_deleted(tmp_path, name):
    path = _write(tmp_path, name, days_ago=5000)
    assert prune(tmp_path, {_name(STUDIES[0])}) == 0
    assert path.is_file()


def test_links_and_folders_are_left_alone(tmp_path):
    target = _write(tmp_path, "precious", days_ago=5000)
    link = tmp_path / f"{'0' * 64}{SUFFIX}"
    link.symlink_to(target)
    (tmp_path / f"{'1' * 64}{SUFFIX}").mkdir()
    assert prune(tmp_path, ()) == 0
    assert link.is_symlink()
    assert target.is_file()
    assert (tmp_path / f"{'1' * 64}{SUFFIX}").is_dir()


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert prune(tmp_path / "absent", {_name(STUDIES[0])}) == 0
