"""The last search finds identifiers in any encoding and does not cry at common words."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from shared.dicom.identifier_search import identifiers_of, kinds_found


def of(**attributes: str) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def found(dataset: Dataset, text: str, encoding: str = "utf-8") -> tuple[str, ...]:
    return kinds_found(identifiers_of(dataset), b"\0" + text.encode(encoding) + b"\0")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
@pytest.mark.parametrize("text", ["王小东", "小东", "Wang^XiaoDong", "WANG", "wangxiaodong"])
def test_a_name_and_its_parts_are_found(text: str, encoding: str) -> None:
    assert found(of(PatientName="Wang^XiaoDong=王^小东"), text, encoding) == ("a name",)


@pytest.mark.parametrize("text", ["19670312", "1967-03-12", "1967/03/12", "1967年3月12日"])
def test_a_birth_date_is_found_in_every_common_form(text: str) -> None:
    assert found(of(PatientBirthDate="19670312"), text) == ("a birth date",)


@pytest.mark.parametrize("text", ["12345", "0012345", "ID 12345.", "x12345x"])
def test_a_short_number_is_found_where_it_stands_alone(text: str) -> None:
    assert found(of(PatientID="12345"), text.rstrip(".")) == ("a number",)


@pytest.mark.parametrize("text", ["123456", "-12345.678", "0.12345", "912345"])
def test_a_short_number_inside_a_longer_one_is_chance(text: str) -> None:
    assert found(of(PatientID="12345"), text) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [("Mary^Li", "ORIGINAL\\PRIMARY\\AXIAL"), ("Jo^An", "JOANNE"), ("李", "李")],
)
def test_parts_that_stand_in_common_words_are_not_taken(name: str, text: str) -> None:
    assert found(of(PatientName=name), text) == ()


def test_names_in_nested_and_private_sequences_are_collected() -> None:
    inner = of(PatientName="Zhang^Wuji")
    outer = of(PatientID="A")
    block = outer.private_block(0x0099, "VENDOR", create=True)
    block.add_new(1, "SQ", Sequence([of()]))
    outer[0x00991001].value[0].RequestAttributesSequence = Sequence([inner])
    assert found(outer, "ZHANG") == ("a name",)


def test_a_name_with_a_wrongly_declared_character_set_is_found_as_written() -> None:
    from io import BytesIO  # noqa: PLC0415  # only here

    from pydicom import dcmread  # noqa: PLC0415  # only here

    original = of(PatientName="王^小东")
    original.SpecificCharacterSet = "GB18030"
    buffer = BytesIO()
    original.save_as(buffer, implicit_vr=False, little_endian=True)
    raw = buffer.getvalue().replace(b"GB18030 ", b"ISO_IR 100")
    raw = raw.replace(b"CS\x08\x00ISO", b"CS\x0a\x00ISO")
    wrong = dcmread(BytesIO(raw), force=True)
    assert str(wrong.PatientName) != "王^小东"
    assert kinds_found(identifiers_of(wrong), "王^小东".encode("gb18030")) == ("a name",)


def test_pixels_are_searched_for_long_patterns_only() -> None:
    identifiers = identifiers_of(of(PatientName="Wang", PatientID="ZHEN1234567"))
    assert kinds_found(identifiers, b"", b"..Wang..") == ()
    assert kinds_found(identifiers, b"", b"..ZHEN1234567..") == ("a number",)


def test_original_uids_are_found_and_standard_ones_are_not_looked_for() -> None:
    dataset = of(SOPInstanceUID="1.2.826.0.1.77", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    assert found(dataset, "1.2.826.0.1.77") == ("an original UID",)
    assert found(dataset, "1.2.840.10008.5.1.4.1.1.2") == ()


def test_a_search_term_is_never_shown() -> None:
    identifiers = identifiers_of(of(PatientName="Wang^XiaoDong"), also=["CASE77"])
    assert "ang" not in repr(identifiers).replace("a given", "")
    assert "CASE77" not in repr(identifiers)
