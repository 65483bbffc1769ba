"""Reading a multipart answer piece by piece."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.archive.errors import PassingError, StudyError
from client.archive.multipart import boundary_of, first_part

BOUNDARY = b"frontier=1"


def answer(body: bytes, preamble: bytes = b"", closing: bytes = b"--") -> bytes:
    opening = preamble + b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
    return opening + body + b"\r\n--" + BOUNDARY + closing + b"\r\n"


@given(body=st.binary(max_size=300), size=st.integers(1, 50), preamble=st.binary(max_size=5))
def test_the_body_is_the_same_however_it_is_cut(body: bytes, size: int, preamble: bytes) -> None:
    if b"--" + BOUNDARY in body:
        return
    whole = answer(body, preamble)
    chunks = [whole[i : i + size] for i in range(0, len(whole), size)]
    assert b"".join(first_part(chunks, BOUNDARY)) == body


def test_a_body_that_nearly_contains_the_boundary_is_kept() -> None:
    body = b"\r\n--frontier=2\r\n--frontier\r\n\r\n--"
    assert b"".join(first_part([answer(body)], BOUNDARY)) == body


@pytest.mark.parametrize("lost", [1, 5, 15, 20])
def test_an_answer_that_was_cut_off_is_not_taken_for_whole(lost: int) -> None:
    whole = answer(b"some data that is long enough")
    with pytest.raises(PassingError, match="cut off"):
        list(first_part([whole[: len(whole) - 6 - lost]], BOUNDARY))


@pytest.mark.parametrize("content", [b"", b"<html>login</html>", b"--other\r\n\r\n"])
def test_an_answer_without_a_part_is_refused(content: bytes) -> None:
    with pytest.raises(StudyError, match="multipart"):
        list(first_part([content], BOUNDARY))


def test_endless_headers_are_refused() -> None:
    with pytest.raises(StudyError, match="multipart"):
        list(first_part((b"x" * 1000 for _ in range(10**6)), BOUNDARY))


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('multipart/related; boundary="a b=c"; type="application/dicom"', b"a b=c"),
        ("Multipart/Related;boundary=abc", b"abc"),
        ("application/dicom", b""),
        ("multipart/related", b""),
        ("", b""),
    ],
)
def test_the_boundary_is_read_from_the_content_type(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary
