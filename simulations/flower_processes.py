"""Flower's own processes on this machine: started away from any checkout, stopped for certain.

Nothing here imports Flower; it is driven by its commands, as a coordinator drives it.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import client
import server
import shared
from shared.errors import HepafedError
from shared.settings import ConfigValue

_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.5
_CONNECTION: Final = "here"
_QUIET: Final = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    # Otherwise every run installs all dependencies anew, over the network.
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_CHATTER: Final = ("INFO", "WARNING", "Using SuperLink", "Successfully installed")
"""How Flower's own lines start; the ServerApp's lines and errors are shown."""
_PYPROJECT: Final = """\
[project]
name = "hepafed"
version = "0.0.0"
description = "One run of HepaFed"
license = "Apache-2.0"

[tool.flwr.app]
publisher = "hepafed"
fab-include = ["server/**/*.py", "client/**/*.py", "shared/**/*.py"]

[tool.flwr.app.components]
serverapp = "server.app:app"
clientapp = "client.app:app"

[tool.flwr.app.config]
"""


@dataclass(frozen=True)
class FlowerHome:
    """A folder that is home and working directory of Flower's processes.

    Attributes:
        folder: Empty of code, so that no process finds a checkout in its working directory.
        address: Host and port of the SuperLink.
        root_certificates: CA of the SuperLink; None speaks plain HTTP.
    """

    folder: Path
    address: str
    root_certificates: Path | None = None

    def environment(self) -> dict[str, str]:
        """Give the environment of a process: offline, quiet, at home here."""
        scripts = str(Path(sys.executable).parent)  # Flower starts its helpers by bare name
        path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FLWR_HOME")}
        return kept | _QUIET | {"PATH": path, "FLWR_HOME": str(self.folder)}

    def write_connection(self) -> None:
        """Tell the ``flwr`` command where the SuperLink is."""
        safety = (
            f"root-certificates = {json.dumps(str(self.root_certificates))}"
            if self.root_certificates
            else "insecure = true"
        )
        text = f'[superlink]\ndefault = "{_CONNECTION}"\n\n[superlink.{_CONNECTION}]\n'
        text += f'address = "{self.address}"\n{safety}\n'
        (self.folder / "config.toml").write_text(text, encoding="utf-8")


def free_port() -> int:
    """Give a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_app(folder: Path, config: Mapping[str, ConfigValue]) -> None:
    """Write an app folder with this installation's code and one run's config.

    Args:
        folder: Created.
        config: Becomes the app's own defaults, so that nothing needs quoting on a command line.
    """
    folder.mkdir(parents=True)
    for package in (client, server, shared):
        source = Path(str(package.__file__)).parent
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / source.name, ignore=ignored)
    # JSON writes strings, numbers and booleans as TOML does.
    lines = [f"{key} = {json.dumps(value)}" for key, value in config.items()]
    (folder / "pyproject.toml").write_text(_PYPROJECT + "\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def running(
    home: FlowerHome, name: str, command: Sequence[str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Keep a process running for the length of a block; its whole group is stopped at the end.

    Args:
        home: Its home; output goes to ``NAME.log`` there.
        name: For the log.
        command: The command and its arguments.
    """
    with (home.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command line
            command,
            cwd=home.folder,
            env=home.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # one group, with everything that Flower starts beneath it
        )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for word in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, word)
            process.wait(_STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def wait_for_superlink(home: FlowerHome, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a SuperLink listens.

    Raises:
        HepafedError: If it ends or does not listen in time.
    """
    host, _, port = home.address.partition(":")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection((host, int(port)), timeout=1.0):
                return
        except OSError:
            time.sleep(_POLL_SECONDS)
    raise HepafedError(
        f"Expected Flower's SuperLink to listen on {home.address}, got nothing. "
        f"Look into {home.folder / 'superlink.log'}."
    )


def submit(
    home: FlowerHome,
    app: Path,
    progress: Callable[[str], None],
    federation_config: str = "",
) -> None:
    """Submit an app, follow its log, and check how it ended.

    Args:
        home: Where the SuperLink is.
        app: The app's folder.
        progress: Takes the lines of the log.
        federation_config: Flower's, for simulations.

    Raises:
        HepafedError: If the run did not start or did not complete; says what Flower says.
    """
    command = ["flwr", "run", str(app), _CONNECTION, "--format", "json"]
    if federation_config:
        command += ["--federation-config", federation_config]
    started = _last_json(_call(home, command))
    run = str(started.get("run-id") or "")
    if not run:
        raise HepafedError(
            f"Expected Flower to start a run, got: {started.get('error-message', 'no answer')}"
        )
    _follow(home, ["flwr", "log", run, _CONNECTION, "--stream"], progress)
    listed = _last_json(
        _call(home, ["flwr", "list", _CONNECTION, "--run-id", run, "--format", "json"])
    )
    runs = listed.get("runs")
    row = runs[0] if isinstance(runs, list) and runs else {}
    # The exit code of 'flwr run' says nothing about how a run ended.
    if row.get("status") != "finished:completed":
        raise HepafedError(
            f"Expected the run to complete, got '{row.get('status', 'unknown')}'. "
            f"{row.get('status-details', '')}"
        )


def _call(home: FlowerHome, command: Sequence[str]) -> str:
    done = subprocess.run(  # noqa: S603  # our own command line
        command,
        cwd=home.folder,
        env=home.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def _follow(home: FlowerHome, command: Sequence[str], progress: Callable[[str], None]) -> None:
    with subprocess.Popen(  # noqa: S603  # our own command line
        command,
        cwd=home.folder,
        env=home.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            text = _COLOUR.sub("", line).strip()
            if text and not text.startswith(_CHATTER):
                progress(text)


def _last_json(text: str) -> dict[str, object]:
    """Read the JSON object that Flower prints after its other lines."""
    start = text.find("{")
    while start >= 0:
        try:
            value = json.loads(text[start:])
        except ValueError:
            start = text.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else {}
    return {}
