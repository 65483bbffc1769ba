"""The archive against a real Orthanc with DICOMweb and against dcmtk, on loopback."""

import gc
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import httpx
import pydicom
import pytest
from pydicom.data import get_testdata_file

pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")

from client.archive.errors import ArchiveError, PassingError
from client.archive.opening import open_archive
from client.archive.settings import DicomwebSource, PacsSource
from client.archive.storage_scp import StorageService
from client.archive.study import Study, StudyFilter
from client.archive.study_folder import MARKER
from client.archive.transfer import TransferLimits, fetch_studies, study_folder
from shared.dicom.pseudonym import SiteKey

ROOT = Path(__file__).parents[2]
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
MISSING = [name for name in ("Orthanc", "storescu", "echoscu") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        bool(MISSING) or not PLUGIN.exists(),
        reason="needs the Debian packages orthanc, orthanc-dicomweb and dcmtk",
    ),
]

KEY = SiteKey(bytes(range(32)))
QUICK = TransferLimits(parallel=2, attempts=2, pause_seconds=0.01)
NAMES = ("Wang^XiaoDong=王^小东", "李^雷", "Mueller^Jörg")


@dataclass(frozen=True)
class Orthanc:
    http: int
    dicom: int
    ours: int
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            auth=("site", "secret"), trust_env=False, timeout=20.0
        ),
        repr=False,
    )

    def web(self) -> DicomwebSource:
        url = f"http://127.0.0.1:{self.http}/dicom-web"
        return DicomwebSource(url, "site", "secret", timeout_seconds=20.0)

    def pacs(self) -> PacsSource:
        return PacsSource(
            "127.0.0.1", self.dicom, "HOSPA", "NODE", "127.0.0.1", self.ours, timeout_seconds=20.0
        )

    def ask(self, method: str, path: str, content: bytes = b"") -> object:
        url = f"http://127.0.0.1:{self.http}{path}"
        answer = self.client.request(method, url, content=content)
        answer.raise_for_status()
        return answer.json()


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def image(patient: int, number: int, charset: str = "ISO_IR 192") -> bytes:
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SpecificCharacterSet = charset
    dataset.PatientName = NAMES[patient % len(NAMES)]
    dataset.PatientID = f"CASE{patient}"
    dataset.StudyDate = f"202{patient % 3}0301"
    dataset.StudyInstanceUID = f"1.2.826.0.1.3680043.9.{patient + 1}"
    dataset.SeriesInstanceUID = f"{dataset.StudyInstanceUID}.{number % 2 + 1}"
    dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{number + 1}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = number + 1
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    folder = tmp_path_factory.mktemp("orthanc")
    running = Orthanc(*free_ports(3))
    node = {"AET": "NODE", "Host": "127.0.0.1", "Port": running.ours}
    lost = {"AET": "LOST", "Host": "127.0.0.1", "Port": free_ports(1)[0]}
    config = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": running.http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"site": "secret"},
        "DicomAet": "HOSPA",
        "DicomPort": running.dicom,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowFind": False,
        "DicomAlwaysAllowMove": False,
        "DicomModalities": {"node": node, "lost": lost},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DefaultEncoding": "Utf8",
    }
    (folder / "orthanc.json").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder
        )
    try:
        _wait_until_it_answers(running, process)
        for patient in range(3):
            for number in range(4):
                running.ask("POST", "/instances", image(patient, number))
        yield running
    finally:
        running.client.close()
        process.terminate()
        process.wait(timeout=30)


def _wait_until_it_answers(running: Orthanc, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            running.ask("GET", "/system")
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("Orthanc did not start")


@pytest.fixture(params=["dicomweb", "pacs"])
def source(request: pytest.FixtureRequest, server: Orthanc) -> DicomwebSource | PacsSource:
    return server.web() if request.param == "dicomweb" else server.pacs()


def stored(folder: Path) -> dict[str, bytes]:
    """Read what was fetched: SOPInstanceUID to pixels."""
    datasets = [pydicom.dcmread(path) for path in folder.rglob("*.dcm")]
    return {str(dataset.SOPInstanceUID): bytes(dataset.PixelData) for dataset in datasets}


def test_studies_are_listed_with_names_counts_and_days(source) -> None:
    with open_archive(source) as archive:
        archive.check()
        studies = archive.list_studies(StudyFilter()).studies
    first = [study for study in studies if study.patient_id.startswith("CASE")][:3]
    assert [study.patient_name for study in first] == list(NAMES)
    assert [study.instances for study in first] == [4, 4, 4]
    assert [study.modalities for study in first] == [("CT",)] * 3
    assert [study.day.isoformat()[:4] for study in first if study.day] == ["2020", "2021", "2022"]


def test_the_filter_keeps_days_and_modalities(source) -> None:
    with open_archive(source) as archive:
        every = archive.list_studies(StudyFilter()).studies
        days = sorted({study.day for study in every if study.day})
        late = archive.list_studies(StudyFilter(first=days[-1], modalities=("CT",))).studies
        none = archive.list_studies(StudyFilter(modalities=("MR",))).studies
    assert {study.day for study in late} == {days[-1]}
    assert none == ()


def test_every_instance_arrives_as_it_is_stored(source, tmp_path: Path) -> None:
    with open_archive(source) as archive:
        studies = archive.list_studies(StudyFilter()).studies[:3]
        report = fetch_studies(archive, studies, tmp_path, KEY, QUICK)
        again = fetch_studies(archive, studies, tmp_path, KEY, QUICK)
    assert (report.fetched, report.failures) == (3, ())
    assert (again.fetched, again.already_complete) == (0, 3)
    pixels = stored(tmp_path)
    expected = bytes(pydicom.dcmread(BytesIO(image(0, 0))).PixelData)
    assert len(pixels) == 12
    assert set(pixels.values()) == {expected}


def test_no_identifier_is_in_a_path_a_log_line_or_a_text_form(
    source, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"), open_archive(source) as archive:
        studies = archive.list_studies(StudyFilter()).studies[:3]
        report = fetch_studies(archive, studies, tmp_path, KEY, QUICK)
    out, err = capfd.readouterr()
    paths = "\n".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    said = "\n".join([caplog.text, out, err, repr(studies), repr(report), repr(source), paths])
    secrets = ("CASE", "Wang", "小东", "李", "Jörg", "1.2.826.0.1.3680043.9", "20200301", "secret")
    assert [word for word in secrets if word in said] == []
    assert report.fetched == 3


def test_a_name_in_gb18030_survives(source, server: Orthanc) -> None:
    server.ask("POST", "/instances", image(4, 0, charset="GB18030"))
    with open_archive(source) as archive:
        studies = archive.list_studies(StudyFilter()).studies
    assert [s.patient_name for s in studies if s.patient_id == "CASE4"] == ["李^雷"]


def test_a_study_from_which_instances_vanished_is_reported_and_not_complete(
    source, server: Orthanc, tmp_path: Path
) -> None:
    patient = 10 if isinstance(source, PacsSource) else 11
    added = [server.ask("POST", "/instances", image(patient, n)) for n in range(6)]
    with open_archive(source) as archive:
        studies = archive.list_studies(StudyFilter()).studies
        short = [s for s in studies if s.patient_id in {f"CASE{patient}", "CASE0"}]
        for one in added[:2]:
            server.ask("DELETE", f"/instances/{one['ID']}")
        report = fetch_studies(archive, short, tmp_path, KEY, QUICK)
    assert (report.fetched, len(report.failures)) == (1, 1)  # the other study is not stopped
    assert report.failures[0].got == "4 of 6 announced instances"
    broken = next(s for s in short if s.patient_id != "CASE0")
    assert report.failures[0].where.startswith(f"study {short.index(broken) + 1} of 2 (study-")
    assert not study_folder(tmp_path, KEY, broken).is_complete(None)


def test_a_study_that_grew_is_fetched_again(source, server: Orthanc, tmp_path: Path) -> None:
    patient = 20 if isinstance(source, PacsSource) else 21
    for number in range(2):
        server.ask("POST", "/instances", image(patient, number))
    with open_archive(source) as archive:
        for expected in (2, 3):
            studies = archive.list_studies(StudyFilter()).studies
            mine = [s for s in studies if s.patient_id == f"CASE{patient}"]
            assert fetch_studies(archive, mine, tmp_path, KEY, QUICK).fetched == 1
            assert len(stored(tmp_path)) == expected
            server.ask("POST", "/instances", image(patient, 2))


def test_a_transfer_that_was_killed_goes_on_where_it_stopped(
    server: Orthanc, tmp_path: Path
) -> None:
    for number in range(40):
        server.ask("POST", "/instances", image(30, number))
    script = (
        "from pathlib import Path\n"
        "from client.archive.opening import open_archive\n"
        "from client.archive.settings import DicomwebSource\n"
        "from client.archive.study import StudyFilter\n"
        "from client.archive.transfer import fetch_studies\n"
        "from shared.dicom.pseudonym import SiteKey\n"
        f"source = DicomwebSource('http://127.0.0.1:{server.http}/dicom-web', 'site', 'secret')\n"
        "with open_archive(source) as archive:\n"
        "    studies = archive.list_studies(StudyFilter()).studies\n"
        "    mine = [s for s in studies if s.patient_id == 'CASE30']\n"
        f"    fetch_studies(archive, mine, Path({str(tmp_path)!r}), SiteKey(bytes(range(32))))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("*.dcm"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.dcm")}
    assert 5 <= len(before) < 40
    assert list(tmp_path.rglob(MARKER)) == []
    half = next(iter(tmp_path.iterdir())) / "abc.part"
    half.write_bytes(b"half of an instance")

    with open_archive(server.web()) as archive:
        studies = archive.list_studies(StudyFilter()).studies
        mine = [study for study in studies if study.patient_id == "CASE30"]
        report = fetch_studies(archive, mine, tmp_path, KEY, QUICK)

    assert report.fetched == 1
    assert len(stored(tmp_path)) == 40
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert not half.exists()


def test_wrong_ae_titles_are_explained(server: Orthanc) -> None:
    for wrong in (
        replace(server.pacs(), called_ae_title="OTHER"),
        replace(server.pacs(), calling_ae_title="STRANGER"),
    ):
        with open_archive(wrong) as archive, pytest.raises(ArchiveError, match=r"ae_title|allow"):
            archive.check()


# pynetdicom leaves the socket of a refused connection to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_host_that_is_not_there_is_explained(server: Orthanc) -> None:
    port = free_ports(1)[0]
    for gone in (
        replace(server.web(), url=f"http://127.0.0.1:{port}/dicom-web"),
        replace(server.pacs(), port=port),
        replace(server.pacs(), host="no-such-host.invalid"),
    ):
        with (
            open_archive(gone) as archive,
            pytest.raises(PassingError, match="cannot be reached"),
        ):
            archive.list_studies(StudyFilter())
    gc.collect()


def test_a_wrong_password_is_explained_without_showing_it(server: Orthanc) -> None:
    wrong = replace(server.web(), password="mistaken")  # noqa: S106  # invented
    with open_archive(wrong) as archive, pytest.raises(ArchiveError, match="login") as error:
        archive.check()
    assert "mistaken" not in f"{error.value}{error.value.__cause__}{wrong}"


def test_a_wrong_dicomweb_path_is_explained(server: Orthanc) -> None:
    wrong = replace(server.web(), url=f"http://127.0.0.1:{server.http}/nothing")
    with open_archive(wrong) as archive, pytest.raises(ArchiveError, match="'url'"):
        archive.check()


def test_a_pacs_that_cannot_reach_us_is_explained(server: Orthanc, tmp_path: Path) -> None:
    lost = replace(server.pacs(), calling_ae_title="LOST", listen_port=free_ports(1)[0])
    with open_archive(lost) as archive:
        studies = archive.list_studies(StudyFilter()).studies[:1]
        report = fetch_studies(archive, studies, tmp_path, KEY, QUICK)
    assert report.fetched == 0
    assert len(report.failures) == 1
    assert "listen_port" in report.failures[0].got


def test_a_port_in_use_is_explained(server: Orthanc) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = replace(server.pacs(), listen_port=taken.getsockname()[1])
        with pytest.raises(ArchiveError, match="listen_port"):
            StorageService(busy)


def test_only_the_pacs_may_send_and_only_what_was_asked_for(
    server: Orthanc, tmp_path: Path
) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(image(0, 0))
    port = free_ports(1)[0]
    service = StorageService(replace(server.pacs(), listen_port=port))
    try:
        folder = study_folder(tmp_path, KEY, Study("1.2.3", "", "", None, (), None))
        send = ["storescu", "-R", "-aec", "NODE", "127.0.0.1", str(port), str(path)]
        with service.receiving("1.2.3", folder):
            stranger = subprocess.run([*send, "-aet", "EVIL"], capture_output=True, check=False)
            unasked = subprocess.run([*send, "-aet", "HOSPA"], capture_output=True, check=False)
            echo = subprocess.run(
                ["echoscu", "-aet", "HOSPA", "-aec", "NODE", "127.0.0.1", str(port)], check=False
            )
        uid = str(pydicom.dcmread(path).StudyInstanceUID)
        with service.receiving(uid, folder):
            asked = subprocess.run([*send, "-aet", "HOSPA"], capture_output=True, check=False)
    finally:
        service.close()
    assert echo.returncode == 0
    assert stranger.returncode != 0
    assert b"Refused" in unasked.stderr + unasked.stdout or unasked.returncode != 0
    assert asked.returncode == 0
    assert folder.count() == 1


def test_a_disk_that_cannot_be_written_is_named_as_the_reason(
    server: Orthanc, tmp_path: Path
) -> None:
    with open_archive(server.pacs()) as archive:
        studies = archive.list_studies(StudyFilter()).studies[:2]
        fetch_studies(archive, studies[:1], tmp_path / "a", KEY, QUICK)
        file = next((tmp_path / "a").rglob("*.dcm"))
        in_the_way = tmp_path / "b" / file.relative_to(tmp_path / "a") / "folder"
        in_the_way.mkdir(parents=True)
        report = fetch_studies(archive, studies, tmp_path / "b", KEY, QUICK)
    assert report.fetched == 1
    assert "the disk refused to write" in report.failures[0].got
