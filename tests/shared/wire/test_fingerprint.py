from shared.wire.fingerprint import code_digest


def test_the_code_digest_is_stable_and_hexadecimal():
    assert code_digest() == code_digest()
    assert len(bytes.fromhex(code_digest())) == 32
