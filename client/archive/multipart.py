"""The first part of a multipart answer, passed on piece by piece as it arrives (RFC 2046, 5.1).

A DICOMweb server wraps even a single instance this way. An answer that ends without the closing
line was cut off on the way, however complete it looks.
"""

from collections.abc import Iterable, Iterator
from email.message import Message

from client.archive.errors import PassingError, StudyError

_LONGEST_HEADERS = 65_536


def boundary_of(content_type: str) -> bytes:
    """Give the boundary that a ``Content-Type`` line names; empty where it is not multipart."""
    message = Message()
    message["Content-Type"] = content_type
    if message.get_content_maintype() != "multipart":
        return b""
    return (message.get_boundary() or "").encode("latin-1", "replace")


def first_part(chunks: Iterable[bytes], boundary: bytes) -> Iterator[bytes]:
    """Pass on the body of the first part.

    Args:
        chunks: The answer as it arrives.
        boundary: As `boundary_of` gave it.

    Yields:
        Pieces of the body. At most a piece and 64 kB are held at once.

    Raises:
        StudyError: When there is no part in the answer.
        PassingError: When the answer ends before its closing line.
    """
    source = iter(chunks)
    buffer = _after_headers(source, b"--" + boundary)
    closing = b"\r\n--" + boundary
    while True:
        end = buffer.find(closing)
        if end >= 0:
            yield bytes(buffer[:end])
            _drain(source)
            return
        safe = len(buffer) - len(closing) + 1  # a closing line may be cut by the next piece
        if safe > 0:
            yield bytes(buffer[:safe])
            del buffer[:safe]
        piece = next(source, None)
        if piece is None:
            raise PassingError(
                "Expected a whole instance, got an answer that was cut off. "
                "Check the connection to the archive."
            )
        buffer += piece


def _drain(source: Iterator[bytes]) -> None:
    """Read the little that follows: a connection with nothing left in it is used again."""
    left = _LONGEST_HEADERS
    while left > 0 and (piece := next(source, None)) is not None:
        left -= len(piece)


def _after_headers(source: Iterator[bytes], opening: bytes) -> bytearray:
    """Read until the first part's body begins; give what of the body has arrived."""
    buffer = bytearray()
    while True:
        start = buffer.find(opening)
        body = buffer.find(b"\r\n\r\n", start) if start >= 0 else -1
        if body >= 0:
            return buffer[body + 4 :]
        piece = next(source, None)
        if piece is None or len(buffer) > _LONGEST_HEADERS + len(piece):
            raise StudyError(
                "Expected a multipart answer with an instance, got one without any part. "
                "Check that 'url' under [archive] is the DICOMweb root of the archive."
            )
        buffer += piece
