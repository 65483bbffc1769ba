"""Hospitals with invented clinical tables as folders, and a grid that records what crosses it."""

import json

import numpy as np

from client.app import app
from client.visit import SETTINGS_KEY
from server.app import serve
from shared.settings import parse_run_settings
from simulations.in_process import InProcessGrid
from simulations.run_config import config_of
from simulations.synthetic.clinical import draw_clinical_rows, write_clinical_csv

SECRET = b"thirty-two random bytes, or more"
SETTINGS = {
    "task": "clinical-statistics",
    "held-out-fraction": 0.3,
    "min-sites": 3,
    "wait-seconds": 1,
}


def write_site(folder, name, rows, *, secret=SECRET, policy=""):
    """Write one hospital's folder; give its settings file."""
    folder.mkdir(parents=True)
    with (folder / "clinical.csv").open("w", encoding="utf-8") as stream:
        write_clinical_csv(rows, stream)
    key = folder / "rotation.key"
    key.write_bytes(secret)
    key.chmod(0o600)
    text = f'[site]\nname = "{name}"\nclinical = "clinical.csv"\n'
    text += '[secrets]\nrotation_secret_file = "rotation.key"\n'
    (folder / "site.toml").write_text(text + policy, encoding="utf-8")
    return folder / "site.toml"


def write_sites(folder, sizes):
    """Write one hospital per size; give their settings files."""
    files = []
    for number, size in enumerate(sizes):
        name = f"site-{number}"
        rows = draw_clinical_rows(size, [name], np.random.default_rng(number))
        files.append(write_site(folder / name, name, rows))
    return files


class RecordingGrid(InProcessGrid):
    """Keeps every message and reply that crosses between the server and the sites."""

    def __init__(self, files, config, before=lambda _: None):
        super().__init__(app, [{SETTINGS_KEY: str(file)} for file in files], config)
        self.messages, self.replies, self._before = [], [], before

    def send_and_receive(self, messages, *, timeout=None):
        messages = list(messages)
        self._before(messages[0])
        replies = list(super().send_and_receive(messages, timeout=timeout))
        self.messages += messages
        self.replies += replies
        return replies


def run_statistics(files, run_dir, *, progress=lambda _: None, before=lambda _: None, **changes):
    """Run the real apps over sites; give the grid with its transcript."""
    settings = parse_run_settings(SETTINGS | {"run-dir": str(run_dir)} | changes)
    config = config_of(settings)
    grid = RecordingGrid(files, config, before)
    serve(grid, config, progress)
    return grid


def contents(message):
    """Give the bytes of everything in a message or reply."""
    if message.has_error():
        return str(message.error.reason).encode()
    parts = []
    for record in message.content.values():
        for key, value in record.items():
            data = getattr(value, "data", None)
            parts.append(key.encode())
            parts.append(data if data is not None else json.dumps(value).encode())
    return b"\n".join(parts)


def arrays(message):
    """Give the shapes of all arrays in a message or reply."""
    if message.has_error():
        return []
    return [tuple(a.shape) for r in message.content.array_records.values() for a in r.values()]
