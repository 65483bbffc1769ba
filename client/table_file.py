"""Tables as hospitals save them: CSV in any of their dialects, or Parquet, as rows of text."""

import csv
import importlib
from pathlib import Path

from shared.errors import ManifestError

_LARGEST_BYTES = 64 * 2**20
_PARQUET = ".parquet"


def read_table(path: Path) -> list[list[str]]:
    """Read a table.

    Args:
        path: A CSV file in UTF-8 (with or without byte order mark) or GB18030, separated by
            commas, semicolons or tabs; or a ``.parquet`` file where pyarrow is installed.

    Returns:
        The header and the rows, every cell as text; an empty cell is an empty text.

    Raises:
        ManifestError: If it is no table.
    """
    if path.suffix.lower() == _PARQUET:
        return _parquet(path)
    lines = _text(path).splitlines()
    if lines and lines[0].lower().startswith("sep="):
        lines = lines[1:]  # Excel's hint to itself
    if not lines or not lines[0].strip():
        return []
    delimiter = max(",;\t", key=lines[0].count)
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise ManifestError(
            f"The manifest is not a CSV table: {error}. Save it again as CSV (UTF-8)."
        ) from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ManifestError("Expected a table of patients, got a file above 64 MB.")
        raw = path.read_bytes()
    except OSError as error:
        raise ManifestError(
            "The manifest cannot be opened. Check the path in the site settings and its rights."
        ) from error
    for encoding in ("utf-8-sig", "gb18030"):  # what Excel writes here and in China
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ManifestError("The manifest is no text in UTF-8 or GB18030. Save it as CSV (UTF-8).")


def _parquet(path: Path) -> list[list[str]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ManifestError(
            "A Parquet manifest needs the package pyarrow, which is not installed. "
            "Install it with 'pip install pyarrow', or save the manifest as CSV (UTF-8)."
        ) from error
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are one of the two
        raise ManifestError(
            "The manifest is no Parquet table. Save it again, or as CSV (UTF-8)."
        ) from error
    columns = [table.column(name).to_pylist() for name in table.column_names]
    rows = [["" if cell is None else str(cell) for cell in cells] for cells in zip(*columns)]  # noqa: B905  # columns of a table are equally long
    return [list(table.column_names), *rows]
