"""Numbers in the manifest to volumes of a study."""

from contextlib import closing

import pytest
from mr_files import LIVER, liver_study, t1, write_study

from client.catalogue import CatalogueStore
from client.catalogue_update import update_catalogue
from client.image_roles import Modality
from client.image_settings import ImageSettings
from client.manifest import read_manifest
from client.manifest_series import named_series
from shared.errors import Level
from shared.vocabulary import MriRole

STUDY = LIVER.study_uid
ECHOES = (
    t1(4, "T1 dual", EchoTime=1.15, EchoNumbers=1, RepetitionTime=140.0),
    t1(4, "T1 dual", EchoTime=2.3, EchoNumbers=2, RepetitionTime=140.0, SOPInstanceUID=""),
)


def _named(folder, cells, series=None, modality=Modality.MR):
    for number, one in enumerate(liver_study() if series is None else series):
        write_study(folder / "dicom" / str(number), [one])
    manifest = folder / "manifest.csv"
    columns = ",".join(["patient_id,response", *cells])
    manifest.write_text(f"{columns}\n{','.join(['P1', 'PR', *cells.values()])}\n")
    with closing(CatalogueStore(folder / "work")) as store:
        study = update_catalogue(store, folder / "dicom", ImageSettings()).studies[STUDY]
        found = store.series()[STUDY]
    (row,) = read_manifest(manifest).rows
    return named_series(row, study, found, modality)


def test_a_number_or_uid_names_a_volume(tmp_path):
    cells = {"t1_arterial_series": "7", "t2_fse_series": f"{STUDY}.3"}
    roles, problems = _named(tmp_path, cells)
    assert roles == {f"{STUDY}.7": MriRole.T1_ARTERIAL, f"{STUDY}.3": MriRole.T2_FSE}
    assert problems == ()


def test_a_series_that_is_not_there_is_a_problem_with_its_column(tmp_path):
    _, (problem,) = _named(tmp_path, {"t2_fse_series": "77"})
    assert problem.where == "case 1, column t2_fse_series"
    assert problem.got == "a series that the study does not have"


def test_one_series_of_two_echoes_is_told_apart_by_its_headers(tmp_path):
    cells = {"in_phase_series": "4", "opposed_phase_series": "4"}
    roles, problems = _named(tmp_path, cells, ECHOES)
    assert problems == ()
    assert sorted(roles.values()) == [MriRole.IN_PHASE, MriRole.OPPOSED_PHASE]
    assert {uid.partition("#")[0] for uid in roles} == {f"{STUDY}.4"}


def test_one_series_of_two_echoes_is_no_answer_where_the_headers_call_none_so(tmp_path):
    _, (problem,) = _named(tmp_path, {"t2_fse_series": "4"}, ECHOES)
    assert problem.got.startswith("a series of several volumes")
    assert "hepafed site review --page" in problem.fix


def test_one_series_under_two_roles_is_a_problem(tmp_path):
    cells = {"t1_arterial_series": "7", "t1_portal_series": "7"}
    _, (problem,) = _named(tmp_path, cells)
    assert problem.where == "case 1, column t1_portal_series"
    assert problem.got == "the series that column t1_arterial_series names, too"


@pytest.mark.parametrize(("number", "warned"), [("7", True), ("99", False)])
def test_a_column_of_ct_that_names_a_series_of_the_mri_is_a_warning(tmp_path, number, warned):
    roles, problems = _named(tmp_path, {"portal_series": number})
    assert roles == {}
    assert [problem.level for problem in problems] == [Level.WARNING] * warned
    if warned:
        assert problems[0].fix == "Move the cell to t1_portal_series."
