"""The catalogue's file: what people confirmed lasts, what was read may be read again."""

import sqlite3
from contextlib import closing

import pytest

from client.catalogue import FILE_NAME, CatalogueStore
from client.catalogue_records import Confirmation, FileRecord, SeriesRecord, Status
from shared.errors import DataError
from shared.tasks.liver_range import LiverRange, LiverSource
from shared.vocabulary import CtPhase, MriRole

FILES = [
    FileRecord(
        "a", 10, 1, "image", "", "P1", "1.2", "1.2.3", 4, "1.2.3.4", "1.2.840.10008.1.2", "CT"
    ),
    FileRecord("b", 11, 2, "rejected", "It is cut short."),
    FileRecord("c", 12, 3, "other"),
]
SERIES = (
    SeriesRecord(
        *("1.2.3", 4, "series 4 (9 images)", 9, "CT", CtPhase.PORTAL, ("text", "时间"), 0.8),
        *(Status.USABLE, "", 5.0, 0.7, "1.2.840.10008.1.2"),
    ),
    SeriesRecord(
        *("1.2.5", 6, "series 6 (9 images)", 9, "MR", MriRole.OPPOSED_PHASE, ("text",), 0.95),
        *(Status.USABLE, "", 5.0, 0.7, "1.2.840.10008.1.2"),
    ),
    SeriesRecord(
        *("1.2.9", None, "an unnumbered series (1 image)", 1, "CT", None, (), 0.0),
        *(Status.SET_ASIDE, "it is a localizer", None, None, ""),
    ),
)


@pytest.fixture
def store(tmp_path):
    with closing(CatalogueStore(tmp_path)) as opened:
        yield opened


def said(volume_id, value, moment="2026-01-01T10:00:00+00:00"):
    return Confirmation("1.2", volume_id, value, "Dr Wang", moment)


def test_files_and_series_come_back_as_they_were(store):
    store.put_files(FILES)
    store.put_series("1.2", "digest", SERIES)
    assert list(store.files().values()) == FILES
    assert store.series() == {"1.2": SERIES}
    assert store.decided_for() == {"1.2": "digest"}


def test_files_that_are_gone_are_forgotten(store):
    store.put_files(FILES)
    store.forget_files(["a", "c"])
    assert list(store.files()) == ["b"]


def test_the_last_word_counts_and_tells_who_and_when(store):
    store.confirm(said("1.2.3", "arterial"))
    store.confirm(said("1.2.3", "portal", "2026-01-02T10:00:00+00:00"))
    store.confirm(said("1.2.4", "none"))
    store.confirm(said("1.2.5", "opposed_phase"))
    store.confirm(said("", "-100.5 50.0"))
    confirmed = store.confirmed()["1.2"]
    assert confirmed.roles == {
        "1.2.3": CtPhase.PORTAL,
        "1.2.4": None,
        "1.2.5": MriRole.OPPOSED_PHASE,
    }
    assert confirmed.liver == LiverRange(-100.5, 50.0, LiverSource.PERSON, "Dr Wang")
    assert confirmed.entries[0].when == "2026-01-02T10:00:00+00:00"
    assert {entry.who for entry in confirmed.entries} == {"Dr Wang"}


def test_a_study_keeps_its_number_and_status(store, tmp_path):
    store.put_files(FILES)
    store.put_study_status([("1.2", Status.QUARANTINED, "case 1: broken")])
    number = store.study_numbers()["1.2"]
    with closing(CatalogueStore(tmp_path)) as again:
        again.put_files(FILES)
        assert again.study_numbers() == {"1.2": number}
        assert again.study_states()["1.2"] == (Status.QUARANTINED, "case 1: broken")


def test_what_a_person_says_makes_the_study_unchecked(store):
    store.put_files(FILES)
    store.put_study_status([("1.2", Status.QUESTION, "case 1: which series?")])
    store.confirm(said("1.2.3", "portal"))
    assert store.study_states()["1.2"] == (Status.UNCHECKED, "")


def test_another_version_reads_dicom_again_and_keeps_what_people_said(store, tmp_path):
    store.put_files(FILES)
    store.confirm(said("1.2.3", "portal"))
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as raw, raw:
        raw.execute("UPDATE about SET version = 'old'")
    with closing(CatalogueStore(tmp_path)) as newer:
        assert newer.files() == {}
        assert newer.confirmed()["1.2"].roles == {"1.2.3": CtPhase.PORTAL}


_FIRST_LAYOUT = """
CREATE TABLE about (version TEXT);
INSERT INTO about VALUES ('1');
CREATE TABLE file (path BLOB PRIMARY KEY, size INTEGER, modified_ns INTEGER, kind TEXT,
    reason TEXT, patient_id TEXT, study_uid TEXT, series_uid TEXT, series_number INTEGER,
    sop_uid TEXT, transfer_syntax TEXT);
CREATE TABLE series (study_uid TEXT, place INTEGER, volume_id TEXT, number INTEGER, name TEXT,
    images INTEGER, phase TEXT, evidence TEXT, confidence REAL, status TEXT, reason TEXT,
    step_mm REAL, pixel_mm REAL, transfer_syntax TEXT, PRIMARY KEY (study_uid, volume_id));
CREATE TABLE study (number INTEGER PRIMARY KEY, study_uid TEXT UNIQUE, digest TEXT, status TEXT,
    reason TEXT);
INSERT INTO study VALUES (7, '1.2', 'as decided then', 'usable', '');
CREATE TABLE confirmation (number INTEGER PRIMARY KEY, study_uid TEXT, volume_id TEXT, value TEXT,
    who TEXT, moment TEXT);
INSERT INTO confirmation VALUES (1, '1.2', '1.2.3', 'portal', 'Dr Wang', '2026-01-01');
"""


def test_the_layout_without_mri_is_read_again_and_keeps_numbers_and_words(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as raw, raw:
        raw.executescript(_FIRST_LAYOUT)
    with closing(CatalogueStore(tmp_path)) as store:
        assert store.decided_for() == {}  # or its series would stay away
        assert store.study_numbers() == {"1.2": 7}
        assert store.confirmed()["1.2"].roles == {"1.2.3": CtPhase.PORTAL}
        store.put_files(FILES)
        store.put_series("1.2", "digest", SERIES)
        assert store.series() == {"1.2": SERIES}


def test_the_catalogue_is_readable_by_its_owner_only(tmp_path):
    CatalogueStore(tmp_path).close()
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_catalogue_is_refused_with_what_to_do(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match="move it away"):
        CatalogueStore(tmp_path)


def test_a_change_that_fails_leaves_nothing_behind(store):
    store.put_files(FILES)
    broken = [FileRecord("d", 1, 1, "image"), FileRecord("e", 2**70, 1, "image")]
    with pytest.raises(OverflowError):
        store.put_files(broken)
    assert "d" not in store.files()
