"""Small invented studies for the archive's tests."""

from collections.abc import Callable
from io import BytesIO

import pydicom
import pytest
from pydicom.data import get_testdata_file

from shared.dicom.pseudonym import SiteKey


@pytest.fixture(scope="session")
def key() -> SiteKey:
    return SiteKey(bytes(range(32)))


@pytest.fixture(scope="session")
def image() -> Callable[..., bytes]:
    """Give the bytes of one CT image of a patient's study."""

    def make(patient: int = 1, number: int = 1, **changes: str) -> bytes:
        dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
        dataset.SpecificCharacterSet = "GB18030"
        dataset.PatientName = "Wang^XiaoDong=王^小东"
        dataset.PatientID = f"CASE{patient}"
        dataset.StudyDate = f"2021030{patient}"
        dataset.StudyInstanceUID = f"1.2.826.0.1.3680043.9.{patient}"
        dataset.SeriesInstanceUID = f"{dataset.StudyInstanceUID}.1"
        dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{number}"
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        buffer = BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()

    return make
