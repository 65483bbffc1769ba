"""A person's word on roles and liver range: asked where needed, stored with who and when."""

from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest
from ct_files import CtFiles, write_ct
from mr_files import liver_study, write_study

from client.catalogue import CatalogueStore
from client.catalogue_records import Status
from client.image_roles import Modality, roles_for
from client.review import studies_to_review
from client.review_answers import confirm_liver_range, confirm_role, find_series, find_study
from client.review_terminal import answer, ask_about, study_text, summary_text
from client.site_settings import SiteSettings
from shared.errors import DataError
from shared.tasks.liver_range import LiverRange, LiverSource
from shared.tasks.preparation_settings import MriPreparation
from shared.vocabulary import CtPhase, MriRole

PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
PLAIN = CtFiles(number=2, description="plain", acquired="100000")
ARTERIAL = CtFiles(number=3, description="arterial", acquired="100100")
PORTAL = CtFiles(number=4, description="", acquired="100200")


@pytest.fixture
def site(tmp_path):
    dicom = tmp_path / "dicom"
    for uid, patient in (("2.25.7", "P7"), ("2.25.8", "P8")):
        for one in (PLAIN, ARTERIAL, PORTAL):
            write_ct(dicom / uid, replace(one, study_uid=uid, patient_id=patient))
    scout = replace(PLAIN, number=1, description="scout", z_mm=(0.0,))
    write_ct(dicom / "2.25.7", replace(scout, study_uid="2.25.7", patient_id="P7"))
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("patient_id,response,liver_lower_mm,liver_upper_mm\nP7,CR,0,10\n")
    return SiteSettings("north", dicom, manifest, tmp_path / "work")


def _views(site):
    return studies_to_review(site, PHASES)


def test_an_undecided_phase_is_a_question_with_its_evidence(site):
    view, other = _views(site)
    assert (view.label, other.label) == ("case 1", f"study {other.number}")
    assert len(view.questions) == 1
    assert view.questions[0].startswith("portal phase: none. series 4 (4 images): nothing in its")
    assert view.liver == LiverRange(0.0, 10.0, LiverSource.MANIFEST)
    text = study_text(view)
    assert "arterial phase (80%: description names arterial" in text
    assert "1 further series set aside" in text
    assert "P7" not in text


def test_a_confirmed_role_answers_the_question_and_tells_who_and_when(site):
    view = _views(site)[0]
    confirm_role(site.work, view, find_series(view, "4"), CtPhase.PORTAL, " Dr  Wang ")
    view = _views(site)[0]
    assert view.questions == ()
    assert find_series(view, "4").role is CtPhase.PORTAL
    assert find_series(view, "4").confidence == 1.0
    (entry,) = view.confirmed.entries
    assert (entry.who, entry.value) == ("Dr Wang", "portal")
    assert datetime.fromisoformat(entry.when).tzinfo is not None


def test_the_last_data_checks_question_is_shown_until_it_is_answered(site):
    view = _views(site)[0]
    with closing(CatalogueStore(site.work)) as store:
        store.put_study_status([(view.study.study_uid, Status.QUESTION, "portal: too dark")])
    view = _views(site)[0]
    assert view.questions == ("portal: too dark",)
    confirm_role(site.work, view, find_series(view, "4"), CtPhase.PORTAL, "Li")
    assert _views(site)[0].questions == ()


def test_two_candidates_are_a_question_until_one_is_confirmed(site):
    write_ct(
        site.dicom / "2.25.7", replace(ARTERIAL, number=9, study_uid="2.25.7", patient_id="P7")
    )
    view = _views(site)[0]
    assert "arterial phase: 2 candidates (series 3" in " ".join(view.questions)
    confirm_role(site.work, view, find_series(view, "9"), CtPhase.ARTERIAL, "Li")
    assert "arterial" not in " ".join(_views(site)[0].questions)


def test_a_liver_range_is_stored_low_end_first(site):
    view = _views(site)[0]
    confirm_liver_range(site.work, view, (12.5, -3.25), "Li")
    found = _views(site)[0].liver
    assert (found.lower_mm, found.upper_mm, found.source) == (-3.25, 12.5, LiverSource.PERSON)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (float("nan"), 1.0), (float("inf"), 0.0)])
def test_ends_that_are_no_two_heights_are_refused(site, ends):
    with pytest.raises(DataError, match="two different heights"):
        confirm_liver_range(site.work, _views(site)[0], ends, "Li")


def test_an_answer_that_nobody_signs_is_refused(site):
    view = _views(site)[0]
    with pytest.raises(DataError, match="--by"):
        confirm_role(site.work, view, find_series(view, "4"), CtPhase.PORTAL, "  ")


def test_studies_and_series_that_are_not_there_are_refused_with_what_there_is(site):
    views = _views(site)
    with pytest.raises(DataError, match="another number"):
        find_study(views, case=2)
    with pytest.raises(DataError, match="2, 3, 4"):
        find_series(views[0], "77")
    assert find_study(views, number=views[1].number) is views[1]


def test_a_part_of_a_series_cannot_be_left_out(site):
    twice = replace(PLAIN, number=8, study_uid="2.25.7", patient_id="P7")
    for acquisition, folder in ((1, "a"), (2, "b")):
        extra = {"AcquisitionNumber": acquisition, "SOPInstanceUID": ""}
        write_ct(site.dicom / folder, replace(twice, extra=extra))
    view = _views(site)[0]
    parts = [s for s in view.series if s.number == 8]
    assert len(parts) == 2
    with pytest.raises(DataError, match="one of 2 volumes"):
        confirm_role(site.work, view, parts[0], None, "Li")


def test_lines_of_a_reviewer_are_understood_or_answered(site):
    lines = iter(["nonsense", "4 portal", "liver 8 2", "4", "", "q"])
    shown = []
    stored = ask_about(_views(site), site.work, "Li", lambda _: next(lines), shown.append)
    assert stored == 2
    assert sum("not understood" in text for text in shown) == 2
    view = _views(site)[0]
    assert view.questions == ()
    assert (view.liver.lower_mm, view.liver.upper_mm) == (2.0, 8.0)
    assert summary_text(_views(site)) == "2 studies, 1 with open questions."


def test_none_takes_a_series_out(site):
    view = _views(site)[0]
    assert answer(view, "4 none", site.work, "Li")
    assert find_series(_views(site)[0], "4").status is Status.SET_ASIDE


def test_a_site_without_a_manifest_can_be_reviewed(site):
    site.manifest.unlink()
    assert [view.case for view in _views(site)] == [None, None]


def _mri_views(tmp_path):
    series = [replace(one, description="Abd") if one.number == 7 else one for one in liver_study()]
    write_study(tmp_path / "mri", series)
    site = SiteSettings("north", tmp_path / "mri", tmp_path / "none.csv", tmp_path / "work")
    return site, studies_to_review(site, roles_for(MriPreparation()))


def test_a_study_of_mri_asks_for_its_sequences_and_offers_them(tmp_path):
    site, (view,) = _mri_views(tmp_path)
    assert view.modality is Modality.MR
    (question,) = view.questions
    assert question.startswith("T1 portal: none. series 7 (4 images): nothing in its header names")
    assert "t1_hepatobiliary, t2_fse" in study_text(view)
    with pytest.raises(DataError, match="what a series of MR can be"):
        answer(view, "7 portal", site.work, "Li")
    with pytest.raises(DataError, match="which is of CT"):
        confirm_role(site.work, view, find_series(view, "7"), CtPhase.PORTAL, "Li")
    assert answer(view, "7 t1_portal", site.work, "Li")
    (view,) = studies_to_review(site, roles_for(MriPreparation()))
    assert view.questions == ()
    assert find_series(view, "7").role is MriRole.T1_PORTAL


def test_a_study_of_the_other_modality_asks_nothing(tmp_path):
    site, _ = _mri_views(tmp_path)
    (view,) = studies_to_review(site, PHASES)
    assert view.questions == ()
