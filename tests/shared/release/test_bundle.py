import hashlib
import json
import shutil
import struct
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from shared.errors import ReleaseError
from shared.release.bundle import read_release, write_release

NAMES = {"weights.safetensors", "settings.json", "model_card.md", "SHA256SUMS"}


@pytest.fixture
def folder(tmp_path, weights, settings):
    write_release(tmp_path / "release", weights, settings, "# Card\n")
    return tmp_path / "release"


def _sign_again(folder):
    names = sorted(NAMES - {"SHA256SUMS"})
    lines = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / "SHA256SUMS").write_text("".join(lines))


def _problems(folder):
    with pytest.raises(ReleaseError) as refusal:
        read_release(folder)
    return {p.where: p for p in refusal.value.problems}


def test_what_was_written_is_read_back_equal(folder, weights, settings):
    release = read_release(folder)

    assert release.settings == settings
    assert release.card == "# Card\n"
    assert set(release.weights) == set(weights)
    for name, array in weights.items():
        np.testing.assert_array_equal(release.weights[name], array)


def test_the_same_model_has_the_same_digest_and_another_has_another(
    folder, tmp_path, weights, settings
):
    again = write_release(tmp_path / "again", weights, settings, "# Card\n")
    weights["second.bias"] += 1
    other = write_release(tmp_path / "other", weights, settings, "# Card\n")

    assert again.digest == read_release(folder).digest
    assert other.digest != again.digest


def test_the_checksums_are_those_of_sha256sum(folder):
    check = subprocess.run(
        [shutil.which("sha256sum"), "--check", "--strict", "SHA256SUMS"],
        cwd=folder,
        check=False,
        capture_output=True,
    )
    assert check.returncode == 0


@pytest.mark.parametrize("name", ["weights.safetensors", "settings.json", "model_card.md"])
def test_one_flipped_bit_is_refused_by_file_name(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-2] ^= 1
    (folder / name).write_bytes(bytes(data))

    assert "altered or damaged" in _problems(folder)[name].fix


def test_every_missing_and_damaged_file_is_named_at_once(folder):
    (folder / "model_card.md").unlink()
    (folder / "settings.json").write_bytes(b"\xff{")
    (folder / "weights.safetensors").write_bytes(b"short")

    assert set(_problems(folder)) == {"model_card.md", "settings.json", "weights.safetensors"}


def test_a_folder_that_is_no_release_is_answered_with_what_to_do(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(ReleaseError, match=r"another folder\. Give the folder that a finished run"):
        read_release(tmp_path)


def test_a_folder_that_does_not_exist_is_answered(tmp_path):
    with pytest.raises(ReleaseError, match="does not exist"):
        read_release(tmp_path / "nowhere")


def test_the_run_folder_around_a_release_leads_to_it(folder):
    with pytest.raises(ReleaseError) as refusal:
        read_release(folder.parent)

    assert f"Did you mean '{folder}'?" in str(refusal.value)


def test_a_file_of_a_release_leads_to_its_folder(folder):
    with pytest.raises(ReleaseError) as refusal:
        read_release(folder / "weights.safetensors")

    assert f"Did you mean '{folder}'?" in str(refusal.value)


def test_settings_of_another_version_are_refused_even_with_right_checksums(folder):
    data = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps({**data, "format": "hepafed-release/9"}))
    _sign_again(folder)

    problem = _problems(folder)["format"]

    assert "hepafed-release/9" in problem.got
    assert "hepafed-release/1" in problem.expected


@pytest.mark.parametrize(
    ("dtype", "values"),
    [("F16", b"\0\0"), ("BF16", b"\0\0"), ("F32", struct.pack("<f", float("nan"))), ("F32", b"")],
)
def test_weights_that_are_not_finite_float32_are_refused(folder, dtype, values):
    shape = [1] if values else [0, 1, 2, 3, -1]
    table = {"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(values)]}}
    header = json.dumps(table).encode()
    blob = struct.pack("<Q", len(header)) + header + values
    (folder / "weights.safetensors").write_bytes(blob)
    _sign_again(folder)

    assert set(_problems(folder)) <= {"a", "weights.safetensors"}


def test_a_pickle_is_not_opened(folder, tmp_path):
    witness = tmp_path / "witness"
    bomb = f"cbuiltins\nopen\n(S'{witness}'\nS'w'\ntR.".encode()
    (folder / "weights.safetensors").write_bytes(bomb)
    _sign_again(folder)

    assert set(_problems(folder)) == {"weights.safetensors"}
    assert not witness.exists()


@pytest.mark.parametrize("text", [b"", b"no checksum here\n", b"0" * 64 + b"  ../settings.json\n"])
def test_a_list_of_checksums_that_cannot_be_read_is_refused(folder, text):
    (folder / "SHA256SUMS").write_bytes(text)

    assert set(_problems(folder)) == {"SHA256SUMS"}


def test_weights_that_are_not_finite_are_never_released(tmp_path, weights, settings):
    weights["first.weight"][0, 0] = np.nan
    weights["second.bias"] = weights["second.bias"].astype(np.float64)

    with pytest.raises(ReleaseError) as refusal:
        write_release(tmp_path / "release", weights, settings, "")

    assert {p.where for p in refusal.value.problems} == {"first.weight", "second.bias"}
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_release_is_replaced_whole(folder, weights, settings):
    provenance = replace(settings.provenance, run="second")
    write_release(folder, weights, replace(settings, provenance=provenance), "new\n")

    assert read_release(folder).settings.provenance.run == "second"
    assert {p.name for p in folder.iterdir()} == NAMES
    assert list(folder.parent.iterdir()) == [folder]


def test_another_folder_is_never_replaced(tmp_path, weights, settings):
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(ReleaseError, match="Choose another folder"):
        write_release(tmp_path, weights, settings, "")

    assert (tmp_path / "thesis.txt").read_text() == "years of work"
