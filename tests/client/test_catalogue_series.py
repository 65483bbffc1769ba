"""What every series of a study is: CT by its rules, MRI by its own, each among its kind."""

from dataclasses import replace

from ct_files import CtFiles
from mr_files import LIVER, liver_study, t1, t2, write_study

from client.catalogue_records import Status
from client.catalogue_series import series_of
from client.image_settings import ImageSettings
from shared.dicom.scan import scan_folder
from shared.vocabulary import CtPhase, MriRole


def _series(folder, series, images=None):
    write_study(folder, series)
    found = series_of(scan_folder(folder).instances, images or ImageSettings())
    return {one.number: one for one in found}


def test_the_series_of_a_liver_mri_are_named(tmp_path):
    found = _series(tmp_path, liver_study())
    assert {number: one.role for number, one in found.items()} == {
        3: MriRole.T2_FSE,
        4: MriRole.OPPOSED_PHASE,
        5: MriRole.IN_PHASE,
        6: MriRole.T1_ARTERIAL,
        7: MriRole.T1_PORTAL,
        9: MriRole.T1_DELAYED,
    }
    assert {one.status for one in found.values()} == {Status.USABLE}
    assert {one.modality for one in found.values()} == {"MR"}


def test_a_silent_mri_series_is_a_question_and_diffusion_is_set_aside(tmp_path):
    found = _series(tmp_path, [t1(6, "Abd"), t2(8, "DWI b800")])
    assert (found[6].role, found[6].status) == (None, Status.QUESTION)
    assert found[8].status is Status.SET_ASIDE
    assert "diffusion" in found[8].reason


def test_both_modalities_in_one_study_are_read_by_their_own_rules(tmp_path):
    ct = replace(LIVER, number=2, description="portal")
    found = _series(tmp_path, [ct, *liver_study()])
    assert (found[2].role, found[2].modality) == (CtPhase.PORTAL, "CT")
    assert (found[7].role, found[7].modality) == (MriRole.T1_PORTAL, "MR")


def test_another_modality_is_set_aside_with_its_name(tmp_path):
    pet = CtFiles(number=9, extra={"Modality": "PT"})
    found = _series(tmp_path, [pet, CtFiles(number=2)])
    assert found[9].status is Status.SET_ASIDE
    assert "PT" in found[9].reason


def test_the_sites_own_words_name_sequences(tmp_path):
    words = (
        (MriRole.T1_ARTERIAL, ("Abd 1",)),
        (MriRole.T2_FSE, ("Fluid",)),
        (MriRole.OPPOSED_PHASE, ("OOP-site",)),
    )
    silent = [
        t1(6, "Abd 1"),
        t2(3, "fluid", EchoTime=40.0),  # too short to tell
        t1(4, "OOP-site", EchoTime=1.7),  # between in and opposed phase
    ]
    before = _series(tmp_path / "a", silent)
    assert {one.role for one in before.values()} == {None}
    after = _series(tmp_path / "b", silent, ImageSettings(words=words))
    assert after[6].role is MriRole.T1_ARTERIAL
    assert after[4].role is MriRole.OPPOSED_PHASE
    assert after[3].role is MriRole.T2_FSE
