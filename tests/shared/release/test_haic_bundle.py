import subprocess

import numpy as np
import pytest

from shared.errors import ReleaseError
from shared.release.bundle import Release, read_release, write_release
from shared.release.haic_bundle import (
    HaicRelease,
    read_any_release,
    read_haic_release,
    write_haic_bundle,
)

NAMES = {"weights.safetensors", "settings.json", "models.json", "model_card.md", "SHA256SUMS"}


@pytest.fixture
def folder(tmp_path, weights, models, haic_settings):
    write_haic_bundle(tmp_path / "release", weights, models, haic_settings, "# Card\n")
    return tmp_path / "release"


def test_a_release_comes_back_as_it_was_written(folder, weights, models, haic_settings):
    release = read_haic_release(folder)

    assert {path.name for path in folder.iterdir()} == NAMES
    assert release.settings == haic_settings
    assert release.card == "# Card\n"
    assert list(release.models) == sorted(models)
    for name, array in weights.items():
        assert np.array_equal(release.weights[name], array)


def test_the_same_content_has_the_same_digest(tmp_path, weights, models, haic_settings):
    one = write_haic_bundle(tmp_path / "a", weights, models, haic_settings, "card")
    two = write_haic_bundle(tmp_path / "b", weights, models, haic_settings, "card")
    other = write_haic_bundle(tmp_path / "c", weights, models, haic_settings, "another")

    assert one.digest == two.digest == read_haic_release(tmp_path / "a").digest
    assert other.digest != one.digest


def test_the_checksums_cover_every_file_as_sha256sum_reads_them(folder):
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )

    assert {line.split(":")[0] for line in checked.stdout.splitlines()} == NAMES - {"SHA256SUMS"}


@pytest.mark.parametrize("name", sorted(NAMES - {"SHA256SUMS"}))
def test_any_altered_file_is_found(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))

    with pytest.raises(ReleaseError) as refusal:
        read_haic_release(folder)

    assert [problem.where for problem in refusal.value.problems] == [name]


def test_a_missing_file_is_named(folder):
    (folder / "models.json").unlink()

    with pytest.raises(ReleaseError, match=r"models\.json"):
        read_haic_release(folder)


def test_weights_that_are_not_finite_are_not_released(tmp_path, weights, models, haic_settings):
    broken = {**weights, "first.weight": np.full((2, 3), np.nan, dtype=np.float32)}

    with pytest.raises(ReleaseError, match="6 values that are not"):
        write_haic_bundle(tmp_path / "release", broken, models, haic_settings, "card")

    assert not (tmp_path / "release").exists()


def test_either_kind_of_release_is_read_by_what_it_says_of_itself(
    folder, tmp_path, weights, settings
):
    write_release(tmp_path / "ct", weights, settings, "card")

    assert isinstance(read_any_release(folder), HaicRelease)
    assert isinstance(read_any_release(tmp_path / "ct"), Release)


def test_a_release_of_another_kind_is_refused_by_naming_both(folder, tmp_path, weights, settings):
    write_release(tmp_path / "ct", weights, settings, "card")

    with pytest.raises(ReleaseError, match=r"models\.json: expected a file of the release"):
        read_haic_release(tmp_path / "ct")
    with pytest.raises(ReleaseError, match="expected 'hepafed-release/1', got 'hepafed-haic-rel"):
        read_release(folder)


def test_a_release_may_take_the_place_of_one_of_the_other_kind(folder, weights, settings):
    write_release(folder, weights, settings, "card")

    assert isinstance(read_any_release(folder), Release)
    assert not (folder / "models.json").exists()
