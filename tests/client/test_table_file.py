"""Tables in the dialects of hospitals."""

import importlib.util

import pytest

from client.table_file import read_table
from shared.errors import ManifestError


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        ("a,b\n1,2\n".encode("utf-8-sig"), [["a", "b"], ["1", "2"]]),
        (b'sep=;\na;b\n"1;x";2\n', [["a", "b"], ["1;x", "2"]]),
        ("a\tb\n好转\t2\n".encode("gb18030"), [["a", "b"], ["好转", "2"]]),
        (b"\n\n", []),
    ],
)
def test_dialects_are_told_apart(tmp_path, raw, rows):
    path = tmp_path / "table.csv"
    path.write_bytes(raw)
    assert read_table(path) == rows


def test_a_parquet_table_without_pyarrow_is_answered_with_what_to_install(tmp_path):
    if importlib.util.find_spec("pyarrow"):
        pytest.skip("pyarrow is installed")
    with pytest.raises(ManifestError, match="pip install pyarrow"):
        read_table(tmp_path / "manifest.parquet")


def test_a_parquet_table_gives_the_same_cells_as_csv(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"patient_id": ["P1", "P2"], "liver_lower_mm": [1.5, None]})
    parquet.write_table(table, tmp_path / "manifest.parquet")
    rows = read_table(tmp_path / "manifest.parquet")
    assert rows == [["patient_id", "liver_lower_mm"], ["P1", "1.5"], ["P2", ""]]
    (tmp_path / "manifest.parquet").write_bytes(b"no parquet")
    with pytest.raises(ManifestError):
        read_table(tmp_path / "manifest.parquet")
