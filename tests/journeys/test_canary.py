"""Names, numbers and birth dates planted everywhere are found nowhere outside the DICOM folder.

English and Chinese, in standard and private elements, in file names and folders: the studies go
through ingest, scan, check and a federated round. Then every log line, report, message, audit line,
server file and cache name is searched for every planted text.
"""

import csv
import io
import json
import logging
from pathlib import Path

import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from pydicom import dcmread
from typer.testing import CliRunner

import hepafed
from client.app import app as client_app
from client.audit_log import FILE_NAME as AUDIT_NAME
from client.data_check import PRIVATE_NAME, SHAREABLE_NAME
from client.error_log import FILE_NAME as ERROR_NAME
from client.visit import SETTINGS_KEY
from server.app import serve
from shared.settings import RunSettings
from simulations.in_process import InProcessGrid
from simulations.run_config import config_of
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, even_sites

pytestmark = pytest.mark.slow

SITES, PATIENTS = 2, 12
SETTINGS = """\
[site]
name = "{name}"
dicom = "dicom"
manifest = "manifest.csv"
[device]
accelerator = "cpu"
[archive]
kind = "folder"
path = "export"
"""
ENGLISH, CHINESE = "Canaryowitz^Ermengarde", "欧阳^鹦鹉"
BIRTH_DATE, PRIVATE = "19430219", "CANARYPRIVATE7731"


PLANTED = (
    *("Canaryowitz", "Ermengarde", "欧阳", "鹦鹉", "CANARYPRIVATE"),
    *(BIRTH_DATE, "1943-02-19", "94417KNR"),
)
"""Every text that must not be found; the last is a part of all patient numbers."""


def number_of(site, patient):
    return f"{site}{patient:02d}94417KNR"


def plant(study, site, patient):
    """Write the canaries into every file of a study, and into the names of files and folder."""
    chinese = patient % 2
    for place, path in enumerate(sorted(p for p in study.rglob("*") if p.is_file())):
        dataset = dcmread(path)
        dataset.SpecificCharacterSet = "GB18030" if chinese else "ISO_IR 192"
        dataset.PatientName = CHINESE if chinese else ENGLISH
        dataset.PatientID = number_of(site, patient)
        dataset.PatientBirthDate = BIRTH_DATE
        dataset.ReferringPhysicianName = ENGLISH
        dataset.StudyDescription = f"{dataset.StudyDescription} Canaryowitz"
        dataset.SeriesDescription = f"{dataset.SeriesDescription} 欧阳 {number_of(site, patient)}"
        block = dataset.private_block(0x0099, "CANARY MAKER", create=True)
        block.add_new(0x01, "LO", PRIVATE)
        block.add_new(0x02, "PN", CHINESE)
        dataset.save_as(path, enforce_file_format=True)
        path.rename(path.with_name(f"Canaryowitz 欧阳 {place}.dcm"))
    study.rename(study.with_name(f"欧阳鹦鹉_{number_of(site, patient)}_{BIRTH_DATE}"))


class Recorder:
    """Stands between grid and ClientApp and keeps the bytes of everything that passes."""

    def __init__(self):
        self.seen = set()  # the same weights go to every site

    def __call__(self, message: Message, context):
        self._keep(message)
        reply = client_app(message=message, context=context)
        self._keep(reply)
        return reply

    def _keep(self, message):
        self.seen.add(repr(message.metadata).encode())
        if message.has_error():
            self.seen.add(f"{message.error.code} {message.error.reason}".encode())
            return
        self.seen.update(_bytes_of(message.content))


def _bytes_of(content: RecordDict):
    for name, record in content.items():
        yield name.encode()
        if isinstance(record, ArrayRecord):
            yield from (array.data for array in record.values())
        elif isinstance(record, ConfigRecord):
            for key, value in record.items():
                yield key.encode()
                yield value if isinstance(value, bytes) else repr(value).encode()
        else:
            yield repr(dict(record)).encode()


def command(*words):
    result = CliRunner().invoke(hepafed.app, [str(word) for word in words])
    assert result.exit_code == 0, repr(result.exception)
    return result.output


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort") / "c"
    spec = CohortSpec(sites=even_sites(SITES, PATIENTS), seed=11, matrix=32, slices=9)
    write_cohort(spec, out, workers=2, progress=None)
    folders = sorted(path for path in out.iterdir() if path.name.startswith("site-"))
    for site, folder in enumerate(folders):
        with (folder / "manifest.csv").open() as file:
            rows = list(csv.DictReader(file))
        of_uid = {row["study_uid"]: place for place, row in enumerate(rows)}
        for study in sorted((folder / "dicom").iterdir()):
            first = next(path for path in study.rglob("*") if path.is_file())
            uid = str(dcmread(first, stop_before_pixels=True).StudyInstanceUID)
            plant(study, site, of_uid[uid])
        (folder / "dicom").rename(folder / "export")
        (folder / "site.toml").write_text(SETTINGS.format(name=folder.name))
        _write_manifest(folder, site, rows)
    return folders


def _write_manifest(folder, site, rows):
    """Name patients by their planted numbers; one broken row makes the reports speak."""
    for place, row in enumerate(rows):
        row["patient_id"] = number_of(site, place)
    rows[-1]["response"] = "Canaryowitz"
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def left_behind(sites, tmp_path_factory):
    """Run everything once; give every text and byte that a canary could have slipped into."""
    traces = {}
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    said = []
    for folder in sites:
        settings = folder / "site.toml"
        said.append(command("site", "ingest", settings))
        said.append(command("site", "scan", settings))
        said.append(command("site", "review", settings))
        check = ("site", "check", settings, "--image-size", 32, "--slices-per-patient", 2)
        form = "text" if folder is sites[0] else "json"
        said.append(command(*check, "--workers", 1, "--format", form))
    recorder, run_dir = Recorder(), tmp_path_factory.mktemp("run")
    run = RunSettings(
        image_size=32, slices_per_patient=2, rounds=1, batch_size=8, min_sites=SITES, seed=2
    )
    config = config_of(run) | {"run-dir": str(run_dir)}
    nodes = [{SETTINGS_KEY: str(folder / "site.toml")} for folder in sites]
    serve(InProcessGrid(recorder, nodes, config), config, said.append)
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    traces["log lines"] = [stream.getvalue().encode()]
    traces["printed lines"] = [line.encode() for line in said]
    traces["messages"] = list(recorder.seen)
    traces["the server's run folder"] = list(_content(run_dir))
    for name in (SHAREABLE_NAME, PRIVATE_NAME, AUDIT_NAME, ERROR_NAME, "data_report.json"):
        files = [folder / "work" / name for folder in sites]
        traces[name] = [path.read_bytes() for path in files if path.exists()]
    traces["names of files"] = [
        str(path.relative_to(folder / part)).encode()
        for folder in sites
        for part in ("dicom", "work")
        for path in (folder / part).rglob("*")
    ]
    traces["prepared images"] = [
        path.read_bytes() for folder in sites for path in (folder / "work" / "prepared").iterdir()
    ]
    return traces


def _content(folder: Path):
    for path in folder.rglob("*"):
        yield path.name.encode()
        if path.is_file():
            yield path.read_bytes()


def test_the_run_took_place(left_behind):
    sizes = {place: sum(map(len, texts)) for place, texts in left_behind.items()}
    assert all(sizes[place] for place in sizes if place not in {ERROR_NAME, "log lines"}), sizes
    assert sizes["messages"] > 10**6  # weights went both ways
    report = json.loads(left_behind[SHAREABLE_NAME][0])
    assert report["leaves"]["patients"] == PATIENTS - 1


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
def test_no_planted_text_is_found_anywhere(left_behind, encoding):
    found = [
        (place, text)
        for place, texts in left_behind.items()
        for text in PLANTED
        if any(text.encode(encoding) in content for content in texts)
    ]
    assert found == []


def test_the_search_finds_what_is_there(sites):
    export = [path.read_bytes() for path in (sites[0] / "export").rglob("*") if path.is_file()]
    assert any("欧阳".encode("gb18030") in content for content in export)
    assert any(BIRTH_DATE.encode() in content for content in export)
    assert any(number_of(0, 3).encode() in content for content in export)
