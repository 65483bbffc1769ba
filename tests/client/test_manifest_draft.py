"""A manifest drafted from DICOM: what a person knows is left empty, guesses are marked."""

import csv
import io
from contextlib import closing
from dataclasses import replace

import pytest
from ct_files import CtFiles, write_ct
from mr_files import liver_study, write_study

from client.catalogue import CatalogueStore
from client.catalogue_update import update_catalogue
from client.image_roles import roles_for
from client.image_settings import ImageSettings
from client.manifest import KNOWN_COLUMNS, read_manifest
from client.manifest_draft import draft_manifest, write_draft
from shared.errors import DataError
from shared.tasks.preparation_settings import MriPreparation
from shared.vocabulary import CtPhase, MriRole

PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)


@pytest.fixture
def draft(tmp_path):
    plain = CtFiles(number=2, description="平扫", acquired="100000", patient_id="0007")
    portal = replace(plain, number=4, description="", acquired="100200")
    for one in (plain, portal, replace(portal, study_uid="2.25.8", patient_id="P8")):
        write_ct(tmp_path / "dicom", one)
    scout = CtFiles(description="scout", z_mm=(0.0,), study_uid="2.25.9")
    write_ct(tmp_path / "dicom" / "scout", scout)
    with closing(CatalogueStore(tmp_path / "work")) as store:
        catalogue = update_catalogue(store, tmp_path / "dicom", ImageSettings())
        return draft_manifest(catalogue, store.series(), PHASES)


def test_a_row_per_study_with_a_volume_and_marked_guesses(draft):
    first, second = csv.DictReader(io.StringIO(draft.text))
    others = {f"{role}_series" for role in MriRole}
    assert list(first) == [column for column in KNOWN_COLUMNS if column not in others]
    assert (first["patient_id"], first["plain_series"], first["portal_series"]) == (
        "0007",
        "?2",
        "",
    )
    assert (second["patient_id"], second["response"]) == ("P8", "")
    assert (draft.studies, draft.guessed, draft.open_roles) == (2, 1, 5)


def test_the_draft_asks_for_the_responses_and_is_a_manifest_once_they_are_there(draft, tmp_path):
    path = tmp_path / "draft.csv"
    write_draft(draft, path)
    manifest = read_manifest(path)
    assert [p.where for p in manifest.problems if "response" in p.where] == [
        *("case 1, column response", "case 2, column response"),
    ]
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace("0007,,", "0007,PR,").replace("P8,,", "P8,PD,"))
    assert [row.patient_id for row in read_manifest(path).rows] == ["0007", "P8"]
    assert read_manifest(path).rows[0].series == {}


def test_an_existing_file_is_never_overwritten(draft, tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("precious")
    with pytest.raises(DataError, match="nothing was overwritten"):
        write_draft(draft, path)
    assert path.read_text() == "precious"


def test_the_draft_is_readable_by_its_owner_only(draft, tmp_path):
    write_draft(draft, tmp_path / "draft.csv")
    assert (tmp_path / "draft.csv").stat().st_mode & 0o077 == 0


def test_a_draft_for_mri_has_its_columns_and_only_its_studies(tmp_path):
    ct = CtFiles(number=2, description="portal", study_uid="2.25.8", patient_id="P8")
    write_ct(tmp_path / "dicom" / "ct", ct)
    write_study(tmp_path / "dicom", liver_study()[:-1])
    with closing(CatalogueStore(tmp_path / "work")) as store:
        catalogue = update_catalogue(store, tmp_path / "dicom", ImageSettings())
        draft = draft_manifest(catalogue, store.series(), roles_for(MriPreparation()))
    (row,) = csv.DictReader(io.StringIO(draft.text))
    named = {name: cell for name, cell in row.items() if name.endswith("_series")}
    assert named == {
        "t1_arterial_series": "?6",
        "t1_portal_series": "?7",
        "t1_delayed_series": "",
        "t2_fse_series": "?3",
        "in_phase_series": "?5",
        "opposed_phase_series": "?4",
    }
    assert (draft.studies, draft.guessed, draft.open_roles) == (1, 5, 1)
