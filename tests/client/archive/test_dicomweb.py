"""The DICOMweb archive against a small server that misbehaves on purpose."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from client.archive.dicomweb import DicomwebArchive
from client.archive.errors import ArchiveError, PassingError
from client.archive.settings import DicomwebSource
from client.archive.study import Study, StudyFilter
from client.archive.transfer import TransferLimits, fetch_studies

STUDY = "1.2.826.0.1.3680043.9.1"
ONE = Study(STUDY, "CASE1", "", None, ("CT",), None)
QUICK = TransferLimits(parallel=1, attempts=2, pause_seconds=0.01)

Answer = tuple[int, str, bytes]


class Server:
    """A DICOMweb server whose answers a test decides, counting what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str, dict[str, list[str]]], Answer] = lambda _path, _query: (
            *(404, "text/plain"),
            b"",
        )
        self.asked: list[str] = []
        self.lost = 0
        self.together = self.most_together = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                outer.asked.append(address.path)
                outer.together += 1
                outer.most_together = max(outer.most_together, outer.together)
                status, kind, body = outer.answer(address.path, parse_qs(address.query))
                outer.together -= 1
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body) + outer.lost))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


@pytest.fixture
def archive(server: Server) -> Iterator[DicomwebArchive]:
    url = f"http://127.0.0.1:{server.http.server_port}/dicom-web/"
    one = DicomwebArchive(DicomwebSource(url, timeout_seconds=5.0))
    yield one
    one.close()


def rows(*values: dict[str, str]) -> Answer:
    listed = [{tag: {"Value": [value]} for tag, value in row.items()} for row in values]
    return 200, "application/dicom+json", json.dumps(listed).encode()


def instance_row(number: int) -> dict[str, str]:
    return {"0020000E": f"{STUDY}.1", "00080018": f"{STUDY}.1.{number}"}


def part(content: bytes) -> Answer:
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--\r\n"
    return 200, 'multipart/related; type="application/dicom"; boundary=x', body


def serving(image: Callable[..., bytes], numbers: range) -> Callable[..., Answer]:
    def answer(path: str, _query: dict[str, list[str]]) -> Answer:
        if path.endswith("/instances"):
            return rows(*(instance_row(number) for number in numbers))
        return part(image(1, int(path.rpartition(".")[2])))

    return answer


def test_instances_arrive_and_are_not_fetched_twice(server, archive, image, key, tmp_path) -> None:
    server.answer = serving(image, range(1, 4))
    first = fetch_studies(archive, [ONE], tmp_path, key, QUICK)
    asked = len(server.asked)
    second = fetch_studies(archive, [ONE], tmp_path, key, QUICK)
    assert (first.fetched, second.already_complete) == (1, 1)
    assert len(server.asked) == asked == 4
    stored = sorted(path.read_bytes() for path in tmp_path.rglob("*.dcm"))
    assert stored == sorted(image(1, number) for number in range(1, 4))


def test_a_single_part_answer_is_taken_too(server, archive, image, key, tmp_path) -> None:
    multipart = serving(image, range(1, 2))
    server.answer = lambda path, query: (
        multipart(path, query)
        if path.endswith("/instances")
        else (200, "application/dicom", image(1, 1))
    )
    assert fetch_studies(archive, [ONE], tmp_path, key, QUICK).fetched == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_tried_again(server, archive, image, key, tmp_path, status: int) -> None:
    ready = serving(image, range(1, 3))
    server.answer = lambda path, query: (
        (status, "text/plain", b"") if len(server.asked) == 1 else ready(path, query)
    )
    assert fetch_studies(archive, [ONE], tmp_path, key, QUICK).fetched == 1


def test_a_refused_login_is_not_tried_again(server, archive, key, tmp_path) -> None:
    server.answer = lambda _path, _query: (401, "text/plain", b"")
    report = fetch_studies(archive, [ONE], tmp_path, key, QUICK)
    assert "login" in report.failures[0].got
    assert len(server.asked) == 1


def test_an_answer_cut_off_is_kept_out_and_said(server, archive, image, key, tmp_path) -> None:
    server.answer = serving(image, range(1, 3))
    server.lost = 7  # announces more bytes than it sends
    report = fetch_studies(archive, [ONE], tmp_path, key, QUICK)
    assert report.fetched == 0
    assert "broke" in report.failures[0].got
    assert list(tmp_path.rglob("*.dcm")) == list(tmp_path.rglob("*.part")) == []


def test_another_patients_instance_is_never_kept(server, archive, image, key, tmp_path) -> None:
    good = serving(image, range(1, 3))
    server.answer = lambda path, query: (
        part(image(2, 2)) if path.endswith(".1.2") else good(path, query)
    )
    report = fetch_studies(archive, [ONE], tmp_path, key, QUICK)
    assert "not asked for" in report.failures[0].got
    assert [path.read_bytes() for path in tmp_path.rglob("*.dcm")] == [image(1, 1)]


def test_a_page_of_html_instead_of_an_instance_is_refused(
    server, archive, image, key, tmp_path
) -> None:
    good = serving(image, range(1, 2))
    server.answer = lambda path, query: (
        good(path, query)
        if path.endswith("/instances")
        else (200, "text/html", b"<html>please log in</html>" * 20)
    )
    report = fetch_studies(archive, [ONE], tmp_path, key, QUICK)
    assert "something else" in report.failures[0].got
    assert list(tmp_path.rglob("*.dcm")) == []


def test_a_study_without_instances_is_not_complete(server, archive, key, tmp_path) -> None:
    server.answer = lambda _path, _query: (204, "text/plain", b"")
    report = fetch_studies(archive, [ONE], tmp_path, key, QUICK)
    assert report.fetched == 0
    assert "no instances" in report.failures[0].got


def study_row(number: int) -> dict[str, str]:
    return {"0020000D": f"1.2.{number}", "00100020": f"CASE{number}", "00201208": "7"}


def test_a_long_list_is_read_page_by_page(server, archive) -> None:
    every = [study_row(number) for number in range(450)]

    def answer(_path: str, query: dict[str, list[str]]) -> Answer:
        start, size = int(query["offset"][0]), int(query["limit"][0])
        return rows(*every[start : start + size])

    server.answer = answer
    assert len(archive.list_studies(StudyFilter()).studies) == 450
    assert len(server.asked) == 3


def test_a_server_that_ignores_the_page_does_not_make_an_endless_list(server, archive) -> None:
    server.answer = lambda _path, _query: rows(*(study_row(number) for number in range(200)))
    assert len(archive.list_studies(StudyFilter()).studies) == 200
    assert len(server.asked) == 2


def test_studies_without_a_patient_number_are_left_out_and_counted(server, archive) -> None:
    server.answer = lambda _path, _query: rows(study_row(1), {"0020000D": "1.2.3"})
    listing = archive.list_studies(StudyFilter())
    assert len(listing.studies) == 1
    assert listing.problems[0].got.startswith("1 studies")


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b"[1]", b"\xff"])
def test_a_list_that_is_none_is_refused(server, archive, body: bytes) -> None:
    server.answer = lambda _path, _query: (200, "application/dicom+json", body)
    with pytest.raises(ArchiveError, match="DICOMweb root"):
        archive.check()


def test_a_redirect_is_not_followed(server, archive) -> None:
    server.answer = lambda _path, _query: (302, "text/plain", b"")
    with pytest.raises(ArchiveError, match="HTTP 302"):
        archive.check()


def test_a_server_that_is_not_there_is_explained() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/dicom-web"
        archive = DicomwebArchive(DicomwebSource(url, timeout_seconds=5.0))
        with pytest.raises(PassingError, match="cannot be reached"):
            archive.check()
        archive.close()


def test_no_more_studies_are_under_way_than_allowed(server, archive, key, tmp_path) -> None:
    def slow(_path: str, _query: dict[str, list[str]]) -> Answer:
        time.sleep(0.03)
        return 404, "text/plain", b""

    server.answer = slow
    studies = [Study(f"1.2.{number}", "CASE", "", None, (), 1) for number in range(8)]
    limits = TransferLimits(parallel=3, attempts=1)
    report = fetch_studies(archive, studies, tmp_path, key, limits)
    assert len(report.failures) == 8
    assert [failure.where.split(" (")[0] for failure in report.failures] == [
        f"study {number} of 8" for number in range(1, 9)
    ]
    assert 2 <= server.most_together <= 3
