"""One study on disk: half-written files are never seen, and a marker says when it is complete.

An instance is written under another name, flushed to the disk and renamed. The marker is written
last and holds the number of files and bytes, so that a study from which something was lost later
is fetched again. File names are codes: no identifier of the archive becomes part of a path.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from shared.dicom.instance_identity import ByteSource

MARKER = "complete.json"
_SUFFIX = ".dcm"
_UNFINISHED = ".part"


class StudyFolder:
    """The folder of one study; several threads may store different instances at once.

    Attributes:
        path: The folder; it is made readable by its owner only.
    """

    def __init__(self, path: Path, code: Callable[[str], str]) -> None:
        """Prepare the folder and clear what an interrupted transfer left.

        Args:
            path: The folder; made when needed.
            code: Turns a UID or a file's place in the archive into letters and digits.
        """
        self.path = path
        self._code = code
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for unfinished in path.glob(f"*{_UNFINISHED}"):
            unfinished.unlink(missing_ok=True)

    def has(self, series: str, instance: str) -> bool:
        """Tell whether an instance is stored."""
        return self._file(series, instance).exists()

    def count(self, series: str | None = None) -> int:
        """Count stored instances, of one series or of all."""
        prefix = "" if series is None else f"{self._code(series)}-"
        return len(list(self.path.glob(f"{prefix}*{_SUFFIX}")))

    def store(
        self,
        series: str,
        instance: str,
        chunks: Iterable[bytes],
        check: Callable[[ByteSource], None] | None = None,
    ) -> None:
        """Write one instance; it appears under its name only when all of it is on the disk.

        Args:
            series: SeriesInstanceUID, or any name for what belongs together.
            instance: SOPInstanceUID, or any name that is the instance's own.
            chunks: The bytes of the file.
            check: Looks at the written file before it appears, and raises to refuse it.

        Raises:
            OSError: When the disk is full or may not be written.
        """
        handle, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=self.path)
        try:
            with os.fdopen(handle, "w+b") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                if check is not None:
                    file.seek(0)
                    check(file)
            Path(name).replace(self._file(series, instance))
        finally:
            Path(name).unlink(missing_ok=True)

    def mark_complete(self) -> None:
        """Write the marker for what is in the folder now."""
        count, size = self._extent()
        handle, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=self.path)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump({"instances": count, "bytes": size}, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self.path / MARKER)

    def is_complete(self, announced: int | None) -> bool:
        """Tell whether everything is here and nothing has been lost or added since.

        Args:
            announced: How many instances the archive has; None where it does not say.
        """
        try:
            marker = json.loads((self.path / MARKER).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        count, size = self._extent()
        return marker == {"instances": count, "bytes": size} and count >= (announced or 1)

    def _file(self, series: str, instance: str) -> Path:
        return self.path / f"{self._code(series)}-{self._code(instance)}{_SUFFIX}"

    def _extent(self) -> tuple[int, int]:
        sizes = [path.stat().st_size for path in self.path.glob(f"*{_SUFFIX}")]
        return len(sizes), sum(sizes)
