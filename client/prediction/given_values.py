"""One patient's clinical values, as a person gives them to a prediction."""

from collections.abc import Sequence
from pathlib import Path

from client.clinical_file import read_clinical_cells
from client.manifest_cells import column_name
from shared.errors import DataError
from shared.tasks.clinical_values import values_by_name

_FIRST_ROW = 2  # below the header, as a spreadsheet counts


def given_values(table: Path | None, row: int | None, pairs: Sequence[str]) -> dict[str, str]:
    """Bring together a row of a table and single values, which count before it.

    Args:
        table: A clinical table, as of a site; None for none.
        row: The patient's row, as a spreadsheet counts; may be left out where there is one.
        pairs: Values as ``name=number``.

    Returns:
        Text by column name.

    Raises:
        ManifestError: If the file is no table, or a single value is none of a known variable.
        DataError: If the table does not have that one row.
    """
    cells = {} if table is None else _row(table, row)
    return cells | values_by_name(pairs)


def _row(table: Path, row: int | None) -> dict[str, str]:
    header, lines = read_clinical_cells(table)
    if row is None and len(lines) == 1:
        row = _FIRST_ROW
    if row is None or not _FIRST_ROW <= row < _FIRST_ROW + len(lines):
        raise DataError(
            f"Expected the row of one patient, from {_FIRST_ROW} to "
            f"{_FIRST_ROW + len(lines) - 1}, got {'none' if row is None else row}. Give --row as "
            "the spreadsheet counts; row 1 names the columns."
        )
    names = [column_name(cell) for cell in header]
    return dict(zip(names, lines[row - _FIRST_ROW], strict=False))
