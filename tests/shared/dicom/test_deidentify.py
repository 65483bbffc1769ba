"""De-identification: nothing of the patient is left, and what training needs is."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from shared.dicom.deidentify import DeidentificationError, DeidentifiedInstance, deidentify
from shared.dicom.parsing import quiet_pydicom
from shared.dicom.pseudonym import SiteKey, new_uid, patient_pseudonym
from shared.errors import DicomError
from shared.vocabulary import CtPhase, MriSequence

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "dicom"
TABLE = Path(__file__).parent / "reference" / "ps3_15_table_e1_1.json"
KEY = SiteKey(bytes(range(32)))

CANARIES = (
    "王小东",
    "小东",
    "Wang",
    "XIAODONG",
    "ZHEN1234567",
    "19670312",
    "1967-03-12",
    "13812345678",
    "中山大学附属肿瘤医院",
    "李医生",
    "Dongfeng Road",
    "440106196703120011",
    "SECRETNOTE",
    "张技师",
    "肝癌术后",
)


def ct() -> FileDataset:
    return pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))


def mr() -> FileDataset:
    return packaged("MR_small.dcm")


def packaged(name: str) -> FileDataset:
    """Read one of pydicom's own files; its MR images are marked as derived."""
    dataset = pydicom.dcmread(str(get_testdata_file(name)))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    return dataset


def plant(dataset: FileDataset, charset: str = "GB18030") -> FileDataset:
    """Write one invented patient into standard, nested and private places."""
    dataset.SpecificCharacterSet = charset
    _plant_standard(dataset)
    _plant_nested(dataset)
    dataset.preamble = b"SECRETNOTE Wang ZHEN1234567".ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = "SECRETNOTE"
    return dataset


def _plant_standard(dataset: FileDataset) -> None:
    dataset.PatientName = "Wang^XiaoDong=王^小东"
    dataset.PatientID = "ZHEN1234567"
    dataset.PatientBirthDate = "19670312"
    dataset.PatientSex = "M"
    dataset.PatientAge = "053Y"
    dataset.PatientWeight = "71.5"
    dataset.PatientAddress = "651 Dongfeng Road"
    dataset.PatientTelephoneNumbers = "13812345678"
    dataset.InstitutionName = "中山大学附属肿瘤医院"
    dataset.ReferringPhysicianName = "李医生"
    dataset.OperatorsName = "张技师"
    dataset.StudyDescription = "上腹部增强 王小东"
    dataset.SeriesDescription = "Ax LAVA 动脉期 Wang"
    dataset.ProtocolName = "肝癌术后"
    dataset.ContrastBolusAgent = "Omnipaque SECRETNOTE"
    dataset.ImageComments = "SECRETNOTE Wang 440106196703120011 born 1967-03-12"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = "20210315"
    dataset.AcquisitionDateTime = "20210315101523.00+0800"
    dataset.AcquisitionTime = "101523.000"
    dataset.ContrastBolusStartTime = "101448.000"
    dataset.StudyID = "19670312"
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60003000, "OW", "SECRETNOTE王小东".encode("gb18030"))
    dataset.add_new(0x60004000, "LT", "SECRETNOTE")


def _plant_nested(dataset: FileDataset) -> None:
    other = Dataset()
    other.PatientID = "ZHEN1234567"
    other.IssuerOfPatientID = "中山大学附属肿瘤医院"
    dataset.OtherPatientIDsSequence = Sequence([other])
    request = Dataset()
    request.RequestedProcedureDescription = "王小东 上腹部增强"
    dataset.RequestAttributesSequence = Sequence([request])
    region = Dataset()
    region.CodeValue = "L1"
    region.CodingSchemeDesignator = "99LOCAL"
    region.CodeMeaning = "SECRETNOTE liver of Wang"
    nested = Dataset()
    nested.PatientName = "Wang^XiaoDong=王^小东"
    nested.PatientComments = "SECRETNOTE"
    region.add_new(0x00189919, "DT", "19670312")
    region.AnatomicRegionModifierSequence = Sequence([nested])
    dataset.add_new(0x00180012, "SQ", Sequence([region]))
    dataset.private_block(0x0065, "SITE PRIVATE", create=True).add_new(1, "LO", "SECRETNOTE Wang")
    block = dataset.private_block(0x0099, "SITE2", create=True)
    block.add_new(2, "SQ", Sequence([nested]))


def written(dataset: FileDataset) -> FileDataset:
    buffer = BytesIO()
    dataset.save_as(buffer)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def reread(instance: DeidentifiedInstance) -> FileDataset:
    return pydicom.dcmread(BytesIO(instance.content))


def left_in(content: bytes) -> set[str]:
    low = content.lower()
    return {
        canary
        for canary in CANARIES
        for encoding in ("utf-8", "gb18030", "utf-16-le")
        if canary.encode(encoding).lower() in low
    }


def own_uids(dataset: Dataset) -> set[str]:
    return {
        str(element.value)
        for element in dataset.iterall()
        if element.VR == "UI" and not str(element.value).startswith("1.2.840.10008.")
    }


@pytest.mark.parametrize("make", [ct, mr])
@pytest.mark.parametrize("charset", ["GB18030", "ISO_IR 192"])
def test_nothing_planted_is_found_in_any_byte_of_the_output(
    make: Callable[[], FileDataset], charset: str
) -> None:
    original = written(plant(make(), charset))
    planted = BytesIO()
    original.save_as(planted)
    assert len(left_in(planted.getvalue())) >= len(CANARIES) - 2  # the canary itself sings

    result = deidentify(original, KEY, CtPhase.ARTERIAL)

    assert left_in(result.content) == set()
    assert not any(element.tag.is_private for element in reread(result).iterall())


def test_nothing_planted_is_found_in_log_lines_warnings_or_errors(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Wang 王小东" / "ZHEN1234567 19670312.dcm"
    path.parent.mkdir()
    plant(ct()).save_as(path)
    messages = []
    with caplog.at_level(logging.DEBUG):
        result = deidentify(pydicom.dcmread(path), KEY)
        messages.append(repr(result))
        assert left_in(result.content) == set()
        for damage in ("BurnedInAnnotation", "PixelData", "PatientID", "Rows", "SOPInstanceUID"):
            broken = pydicom.dcmread(path)
            if damage == "BurnedInAnnotation":
                broken.BurnedInAnnotation = "YES"
            elif damage == "PixelData":
                broken.PixelData = b"SECRETNOTE Wang"
            else:
                del broken[damage]
            with pytest.raises(DicomError) as error:
                deidentify(broken, KEY)
            messages.append(f"{error.value}{error.value.__cause__}{error.value.__context__}")
    out, err = capfd.readouterr()
    assert len(messages) == 6
    assert left_in("".join([*messages, caplog.text, out, err]).encode()) == set()


def test_every_attribute_of_the_confidentiality_table_is_treated_at_least_as_strictly() -> None:
    actions = json.loads(TABLE.read_text())["actions"]
    kept_by_option = {
        *("PatientSex", "PatientAge", "PatientSize", "PatientWeight"),  # patient characteristics
        *("SeriesDescription", "ContrastBolusAgent"),  # clean descriptors: replaced
        *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime"),
        *("FrameAcquisitionDateTime", "FrameReferenceDateTime"),  # modified dates
        *("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"),
        *("ContrastBolusStartTime", "ContrastBolusStopTime"),
        *("PatientName", "PatientID"),  # replaced by the pseudonym
        *("ReferencedImageSequence", "SourceImageSequence"),  # U*: only new UIDs are left in them
        "DeidentificationMethod",
    }
    result = deidentify(_with_every(actions), KEY)
    cleaned = reread(result)
    assert len([code for code in actions if int(code, 16) in cleaned]) >= len(kept_by_option)
    for code, action in actions.items():
        tag = int(code, 16)
        keyword = keyword_for_tag(tag)
        if tag not in cleaned or keyword in kept_by_option or not keyword:
            continue
        element = cleaned[tag]
        if "U" in action:
            assert str(element.value).startswith("2.25."), keyword
        else:
            assert "Z" in action, f"{keyword} must be removed"
            assert element.is_empty, f"{keyword} must be empty"
    assert b"zzyzx" not in result.content.lower()


def _with_every(actions: dict[str, str]) -> FileDataset:
    """Give an image that has every attribute of the table that may be written."""
    values = {
        "DA": "20210315", "DT": "20210315101523", "TM": "101523", "UI": "1.2.3.4", "AS": "053Y",
        "PN": "Zzyzx^Qwert", "CS": "ZZYZX", "DS": "7.5", "IS": "7", "US": 7, "OB": b"ZZYZX!",
        "UN": b"ZZYZX!", "AE": "ZZYZX", "UR": "http://zzyzx",
    }  # fmt: skip
    original = ct()
    original.PatientID = "ZHEN1234567"
    tested = 0
    with quiet_pydicom():
        for code in actions:
            tag = int(code, 16)
            keyword = keyword_for_tag(tag)
            if not keyword or keyword in {"PatientID", "SOPInstanceUID"} or tag >> 16 == 2:
                continue
            kind = dictionary_VR(tag)
            if kind == "SQ":
                item = Dataset()
                item.ReferencedSOPInstanceUID = "1.2.3.4"
                item.CodeMeaning = "Zzyzx"
                value: object = Sequence([item])
            else:
                value = values.get(kind, "Zzyzx")
            original.add(DataElement(tag, kind, value))
            tested += 1
    assert tested > 600
    return original


def test_overlays_curves_and_the_preamble_are_gone() -> None:
    original = plant(ct())
    original.add_new(0x50000005, "US", 1)
    original.add_new(0x50003000, "OW", b"SECRETNOTE!!")
    result = deidentify(original, KEY)
    groups = {element.tag.group for element in reread(result)}
    assert not any(group & 0xFF00 in (0x5000, 0x6000) for group in groups)
    assert result.content[:128] == bytes(128)


def test_no_original_uid_survives_even_in_nested_sequences() -> None:
    original = plant(ct())
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = "1.3.6.1.4.1.5962.99.1.2"
    original.ReferencedImageSequence = Sequence([reference])
    result = deidentify(original, KEY)
    before = own_uids(original) | {str(original.file_meta.MediaStorageSOPInstanceUID)}
    after = own_uids(reread(result))
    assert len(before) >= 4
    assert not any(uid.encode() in result.content for uid in before)
    assert all(uid.startswith("2.25.") for uid in after)


def test_references_still_point_to_the_instance_they_pointed_to() -> None:
    referenced = deidentify(mr(), KEY)
    original = ct()
    reference = Dataset()
    reference.ReferencedSOPClassUID = mr().SOPClassUID
    reference.ReferencedSOPInstanceUID = mr().SOPInstanceUID
    original.ReferencedImageSequence = Sequence([reference])
    cleaned = reread(deidentify(original, KEY))
    assert cleaned.ReferencedImageSequence[0].ReferencedSOPInstanceUID == referenced.sop_uid


@given(
    first=st.dates(min_value=date(1990, 1, 1), max_value=date(2030, 1, 1)),
    second=st.dates(min_value=date(1990, 1, 1), max_value=date(2030, 1, 1)),
)
@settings(max_examples=15, deadline=None)
def test_intervals_between_the_studies_of_a_patient_survive(first, second) -> None:
    shifted = []
    for day in (first, second):
        original = ct()
        original.PatientID = "ZHEN1234567"
        original.StudyDate = f"{day:%Y%m%d}"
        cleaned = reread(deidentify(original, KEY))
        shifted.append(date.fromisoformat(cleaned.StudyDate))
    assert shifted[1] - shifted[0] == second - first
    assert abs((shifted[0] - first).days) >= 366


def test_time_of_day_bolus_time_and_characteristics_survive() -> None:
    cleaned = reread(deidentify(plant(ct()), KEY, CtPhase.ARTERIAL))
    assert cleaned.AcquisitionTime == "101523.000"
    assert cleaned.ContrastBolusStartTime == "101448.000"
    assert cleaned.AcquisitionDateTime.endswith("101523.00+0800")
    assert cleaned.AcquisitionDateTime[:8] == cleaned.StudyDate != "20210315"
    assert (cleaned.PatientSex, cleaned.PatientAge, cleaned.PatientWeight) == ("M", "053Y", 71.5)
    assert cleaned.SeriesDescription == "arterial"
    assert cleaned.ContrastBolusAgent == "CONTRAST"
    assert cleaned.PatientBirthDate == ""


def test_an_age_above_89_becomes_90() -> None:
    original = ct()
    original.PatientAge = "097Y"
    assert reread(deidentify(original, KEY)).PatientAge == "090Y"


def test_flags_say_what_was_done() -> None:
    cleaned = reread(deidentify(plant(ct()), KEY))
    codes = {item.CodeValue for item in cleaned.DeidentificationMethodCodeSequence}
    assert cleaned.PatientIdentityRemoved == "YES"
    assert cleaned.DeidentificationMethod.startswith("HepaFed")
    assert codes == {"113100", "113105", "113107", "113108"}
    assert cleaned.LongitudinalTemporalInformationModified == "MODIFIED"


def test_the_file_header_names_only_this_writer() -> None:
    meta = reread(deidentify(plant(ct()), KEY)).file_meta
    assert {element.keyword for element in meta} == {
        *("FileMetaInformationGroupLength", "FileMetaInformationVersion"),
        *("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID"),
        *("ImplementationClassUID", "ImplementationVersionName"),
    }
    assert meta.ImplementationVersionName == "HEPAFED"


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_the_picture_stays_the_same(name: str) -> None:
    original = packaged(name)
    with quiet_pydicom():  # one of them has padding
        before = original.pixel_array.copy()
    cleaned = reread(deidentify(original, KEY, MriSequence.T2_FSE))
    assert (cleaned.pixel_array == before).all()
    assert cleaned.PixelSpacing == original.PixelSpacing
    assert cleaned.ImagePositionPatient == original.ImagePositionPatient


def test_writing_in_unused_bits_and_behind_the_last_pixel_is_cleared() -> None:
    original = mr()
    before = original.pixel_array.copy()
    assert original.BitsStored == 16
    original.BitsStored, original.HighBit, original.PixelRepresentation = 12, 11, 0
    words = (before.astype("uint16") & 0x0FFF) | 0xA000
    original.PixelData = words.tobytes() + b"SECRETNOTE"
    cleaned = reread(deidentify(original, KEY))
    assert cleaned.PixelData == (before.astype("uint16") & 0x0FFF).tobytes()


def _marked(dataset: FileDataset) -> None:
    dataset.BurnedInAnnotation = "YES"


def _capture(dataset: FileDataset) -> None:
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"


def _other(dataset: FileDataset) -> None:
    dataset.Modality = "OT"


def _colour(dataset: FileDataset) -> None:
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "RGB", 3


def _derived_screen(dataset: FileDataset) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]


def _dose_screen(dataset: FileDataset) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "DOSE_INFO"]


def _no_type(dataset: FileDataset) -> None:
    del dataset.ImageType


@pytest.mark.parametrize(
    "change", [_marked, _capture, _other, _colour, _derived_screen, _dose_screen, _no_type]
)
def test_pictures_that_may_carry_writing_are_refused(
    change: Callable[[FileDataset], None],
) -> None:
    original = ct()
    change(original)
    with pytest.raises(DeidentificationError, match="not released"):
        deidentify(original, KEY)


def test_a_patient_without_a_number_is_refused() -> None:
    original = ct()
    original.PatientID = "  "
    with pytest.raises(DeidentificationError, match="PatientID"):
        deidentify(original, KEY)


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ("Manufacturer", "Wang Medical"),
        ("ConvolutionKernel", "id ZHEN1234567"),
        ("SequenceName", "born 19670312"),
    ],
)
def test_the_last_search_refuses_an_identifier_in_an_attribute_that_is_kept(
    attribute: str, text: str
) -> None:
    original = plant(ct())
    setattr(original, attribute, text)
    with pytest.raises(DeidentificationError, match="still contains") as error:
        deidentify(original, KEY)
    assert left_in(str(error.value).encode()) == set()


def test_the_last_search_finds_a_name_in_the_comment_of_a_compressed_picture() -> None:
    original = packaged("MR_small_jp2klossless.dcm")
    plant(original)
    start = original.PixelData.index(b"\xff\x4f\xff\x51")
    comment = "王小东 ".encode("gb18030")
    marker = b"\xff\x64" + (len(comment) + 4).to_bytes(2, "big") + b"\0\1" + comment
    at = start + 4 + int.from_bytes(original.PixelData[start + 4 : start + 6], "big")
    original.PixelData = original.PixelData[:at] + marker + original.PixelData[at:]
    with pytest.raises(DeidentificationError, match="a name"):
        deidentify(original, KEY)


def test_common_words_inside_other_words_do_not_refuse_a_picture() -> None:
    original = ct()
    original.PatientName = "Mary^Li"  # PRIMARY contains Mary
    original.PatientID = "12"
    assert b"PRIMARY" in deidentify(original, KEY).content


def test_texts_the_caller_knows_are_searched_for_too() -> None:
    original = ct()
    with pytest.raises(DeidentificationError, match="still contains"):
        deidentify(original, KEY, also=[str(original.Manufacturer)])


def test_the_same_patient_gets_the_same_pseudonym_in_another_process() -> None:
    script = (
        "from shared.dicom.pseudonym import SiteKey, new_uid, patient_pseudonym\n"
        "key = SiteKey(bytes(range(32)))\n"
        "print(patient_pseudonym(key, 'ZHEN1234567 '), new_uid(key, '1.2.3'))"
    )
    other = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    first = deidentify(plant(ct()), KEY)
    second = deidentify(plant(mr()), KEY)
    assert other.stdout.split() == [first.patient, new_uid(KEY, "1.2.3")]
    assert first.patient == second.patient


def test_another_key_gives_other_pseudonyms_dates_and_uids() -> None:
    other = SiteKey(bytes(range(1, 33)))
    first, second = (reread(deidentify(plant(ct()), key)) for key in (KEY, other))
    assert first.PatientID != second.PatientID
    assert first.StudyDate != second.StudyDate
    assert first.StudyInstanceUID != second.StudyInstanceUID


def test_the_original_is_not_changed() -> None:
    original = plant(ct())
    before = original.to_json()
    deidentify(original, KEY)
    assert original.to_json() == before


@pytest.mark.skipif(not REAL.is_dir(), reason="the real series are not beside the repository")
def test_every_real_series_is_released_clean_or_refused_with_a_reason() -> None:
    released, refused = 0, 0
    for path in sorted(path for path in REAL.rglob("*") if path.is_file()):
        if path.suffix == ".md" or path.stat().st_size > 600_000:
            continue
        with quiet_pydicom():
            original = pydicom.dcmread(path, force=True)
        try:
            result = deidentify(original, KEY)
        except DeidentificationError:
            refused += 1
            continue
        released += 1
        assert own_uids(original).isdisjoint(own_uids(reread(result)))
        assert str(original.PatientID).encode() not in result.content
    assert released >= 30
    assert refused >= 20


@given(st.text(min_size=1, max_size=64))
@settings(max_examples=200)
def test_pseudonyms_and_uids_are_well_formed_for_any_text(text: str) -> None:
    uid = new_uid(KEY, text)
    assert len(uid) <= 64
    assert pydicom.uid.UID(uid).is_valid
    assert len(patient_pseudonym(KEY, text)) == 19
