import pytest

from client.audit_log import FILE_NAME, AuditLog, verify_audit_log


@pytest.fixture
def log(tmp_path):
    log = AuditLog(tmp_path / "work")
    for number in range(4):
        log.append(f"Message{number}", ["site"], 10 + number, "ab" * 32)
    return tmp_path / "work"


def rewrite(folder, change):
    path = folder / FILE_NAME
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n")


def test_an_untouched_log_is_whole(log):
    check = verify_audit_log(log)
    assert (check.lines, check.broken_at) == (4, None)


def test_no_log_is_an_empty_whole_log(tmp_path):
    assert verify_audit_log(tmp_path).lines == 0


def test_another_writer_goes_on_with_the_chain(log):
    AuditLog(log).append("Later", ["site"], 1, "cd" * 32)
    assert verify_audit_log(log).broken_at is None


def test_a_changed_line_is_found(log):
    rewrite(log, lambda lines: lines.__setitem__(1, lines[1].replace("Message1", "Message9")))
    assert verify_audit_log(log).broken_at == 2


def test_a_removed_line_is_found(log):
    rewrite(log, lambda lines: lines.pop(2))
    assert verify_audit_log(log).broken_at == 3


def test_an_inserted_line_is_found(log):
    rewrite(log, lambda lines: lines.insert(1, lines[0]))
    assert verify_audit_log(log).broken_at == 2


def test_a_line_that_is_no_json_is_found(log):
    rewrite(log, lambda lines: lines.__setitem__(0, "gone"))
    assert verify_audit_log(log).broken_at == 1
