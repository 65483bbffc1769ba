import stat

import numpy as np
import pytest

from client.kept_features import FoldTable, KeptFeatures
from shared.errors import MessageError

RUN, OTHER = "a" * 32, "b" * 32
SECRET = bytes(range(32))


def table(seed=0, patients=6):
    rng = np.random.default_rng(seed)
    columns = {"image_score": rng.normal(size=patients), "ast_u_l": rng.normal(size=patients)}
    columns["ast_u_l"][2] = np.nan
    return FoldTable(np.arange(1, patients + 1), columns, "c" * 64)


def same(one, other):
    return (
        np.array_equal(one.cases, other.cases)
        and list(one.columns) == list(other.columns)
        and all(
            np.array_equal(one.columns[name], other.columns[name], equal_nan=True)
            for name in other.columns
        )
        and one.model_digest == other.model_digest
    )


@pytest.mark.parametrize("secret", [SECRET, None])
def test_features_come_back_under_their_run_and_fold_only(tmp_path, secret):
    kept = KeptFeatures(tmp_path, RUN, secret)
    kept.write(1, table())
    assert same(KeptFeatures(tmp_path, RUN, secret).read(1), table())
    assert kept.read(2) is None
    assert KeptFeatures(tmp_path, OTHER, secret).read(1) is None
    kept.write(1, table(1))
    assert same(kept.read(1), table(1))


def test_only_the_owner_reads_and_the_disk_holds_no_value(tmp_path):
    KeptFeatures(tmp_path, RUN, SECRET).write(1, table())
    (file,) = (tmp_path / "features" / RUN).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert table().columns["image_score"][:1].tobytes() not in file.read_bytes()


def test_a_file_of_another_fold_run_or_key_is_not_taken_for_this_one(tmp_path):
    kept = KeptFeatures(tmp_path, RUN, SECRET)
    kept.write(1, table())
    folder = tmp_path / "features"
    (folder / RUN / "fold-02.features").write_bytes(
        (folder / RUN / "fold-01.features").read_bytes()
    )
    (folder / OTHER).mkdir()
    (folder / OTHER / "fold-01.features").write_bytes(
        (folder / RUN / "fold-01.features").read_bytes()
    )
    assert kept.read(2) is None
    assert KeptFeatures(tmp_path, OTHER, SECRET).read(1) is None
    assert KeptFeatures(tmp_path, RUN, SECRET[::-1]).read(1) is None
    assert KeptFeatures(tmp_path, RUN, None).read(1) is None


@pytest.mark.parametrize("damaged", [b"", b"short", b"x" * 500])
def test_a_damaged_file_counts_as_none(tmp_path, damaged):
    for secret in (SECRET, None):
        kept = KeptFeatures(tmp_path, RUN, secret)
        kept.write(1, table())
        (tmp_path / "features" / RUN / "fold-01.features").write_bytes(damaged)
        assert kept.read(1) is None


@pytest.mark.parametrize("name", ["", "../../etc", "A" * 32, "a" * 31])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path, name):
    with pytest.raises(MessageError, match="run's name"):
        KeptFeatures(tmp_path, name, None)
