"""Reading whose image a file is, from its first bytes only."""

import tracemalloc
import zlib
from io import BytesIO

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from shared.dicom.instance_identity import PREFIX_BYTES, read_identity
from shared.errors import DicomError


def packaged(name: str) -> bytes:
    with open(str(get_testdata_file(name)), "rb") as file:  # noqa: PTH123  # pydicom gives a str
        return file.read()


@pytest.mark.parametrize(
    ("name", "patient_name"),
    [
        ("chrX1.dcm", "Wang^XiaoDong=王^小東"),
        ("chrX2.dcm", "Wang^XiaoDong=王^小东"),
        ("chrGerm.dcm", "Äneas^Rüdiger"),
    ],
)
def test_names_are_decoded(name: str, patient_name: str) -> None:
    path = pydicom.data.get_charset_files(name)[0]
    with open(path, "rb") as file:  # noqa: PTH123  # pydicom gives a str
        assert read_identity(file).patient_name == patient_name


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm"]
)
def test_identifiers_are_those_of_the_whole_file(name: str) -> None:
    whole = pydicom.dcmread(BytesIO(packaged(name)))
    identity = read_identity(BytesIO(packaged(name)))
    assert identity.study_uid == whole.StudyInstanceUID
    assert identity.series_uid == whole.SeriesInstanceUID
    assert identity.sop_uid == whole.SOPInstanceUID
    assert (identity.patient_id, identity.modality) == (whole.PatientID, whole.Modality)
    assert str(whole.PatientID) not in repr(identity)


def test_only_the_first_megabyte_is_read() -> None:
    source = BytesIO(packaged("CT_small.dcm") + bytes(5 * PREFIX_BYTES))
    read_identity(source)
    assert source.tell() == PREFIX_BYTES


def test_a_deflated_file_is_read_and_a_deflated_bomb_costs_no_memory() -> None:
    dataset = pydicom.dcmread(BytesIO(packaged("CT_small.dcm")))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    deflated = BytesIO()
    dataset.save_as(deflated)
    assert read_identity(BytesIO(deflated.getvalue())).sop_uid == dataset.SOPInstanceUID
    meta = deflated.getvalue()
    start = 144 + int.from_bytes(meta[140:144], "little")
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(squeezer.compress(b"\xff" * 2**20) for _ in range(100)) + squeezer.flush()
    tracemalloc.start()
    try:
        assert read_identity(BytesIO(meta[:start] + bomb)).study_uid == ""
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + bytes(200), bytes(132) + b"x"])
def test_what_is_no_dicom_is_refused(content: bytes) -> None:
    with pytest.raises(DicomError, match="another kind"):
        read_identity(BytesIO(content))


def outcome(content: bytes) -> str:
    try:
        return read_identity(BytesIO(content)).study_uid
    except DicomError as error:
        return str(error)


@given(place=st.integers(132, 3000), junk=st.binary(min_size=1, max_size=40), end=st.booleans())
@settings(max_examples=150, deadline=None)
def test_damage_is_refused_or_read_and_never_escapes(place, junk, end) -> None:
    content = packaged("CT_small.dcm")
    said = outcome(content[:place] + junk + (b"" if end else content[place + len(junk) :]))
    assert "CompressedSamples" not in said
