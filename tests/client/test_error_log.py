import stat

from client.error_log import FILE_NAME, log_error
from shared.errors import DataError


def failed(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_our_own_errors_are_kept_in_full_under_a_reference(tmp_path):
    reference = log_error(tmp_path, "train", failed(DataError("Nobody is left. Add patients.")))
    text = (tmp_path / FILE_NAME).read_text()
    assert f"ref {reference} during train: DataError" in text
    assert "Nobody is left." in text
    assert "test_error_log.py" in text


def test_the_words_of_other_exceptions_are_not_kept(tmp_path):
    log_error(tmp_path, "train", failed(FileNotFoundError("/data/Jane^Doe/0001.dcm")))
    text = (tmp_path / FILE_NAME).read_text()
    assert "FileNotFoundError" in text
    assert "Jane" not in text


def test_only_the_owner_reads_the_log(tmp_path):
    log_error(tmp_path, "train", failed(ValueError("x")))
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_without_a_work_folder_the_error_goes_to_the_sites_console(capsys):
    reference = log_error(None, "query.census", failed(DataError("No such file.")))
    assert f"ref {reference}" in capsys.readouterr().err
