"""How a site's studies are read: what the two tables may say, and what is said about mistakes."""

import pytest

from client.image_settings import ImageSettings, SegmenterSettings, parse_image_settings
from client.site_settings import read_site_settings
from shared.dicom.mri_tables import phases_named
from shared.dicom.phase_tables import phases_in_text
from shared.errors import SettingsError
from shared.vocabulary import CtPhase, MriRole

SITE = '[site]\nname = "north"\ndicom = "."\nmanifest = "site.toml"\n'


def _read(folder, text):
    path = folder / "site.toml"
    path.write_text(SITE + text, encoding="utf-8")
    return read_site_settings(path).images


def test_without_the_tables_nothing_is_registered_and_no_word_added(tmp_path):
    assert _read(tmp_path, "") == ImageSettings(registration=False, words=())


def test_the_sites_own_words_count_before_all_others(tmp_path):
    text = '[alignment]\nregistration = true\n[roles]\narterial = ["Portal A", " 一期 "]\n'
    images = _read(tmp_path, text)
    assert images.registration is True
    assert images.words == ((CtPhase.ARTERIAL, ("Portal A", "一期")),)
    assert phases_in_text("abdomen portal a 70s", images.tables()) == (CtPhase.ARTERIAL,)
    assert phases_in_text("增强一期", images.tables()) == (CtPhase.ARTERIAL,)
    assert phases_in_text("portal", images.tables()) == (CtPhase.PORTAL,)


def test_words_for_mri_stand_beside_those_for_ct(tmp_path):
    text = '[roles]\narterial = ["一期"]\nt1_arterial = ["一期"]\nopposed_phase = ["OOP"]\n'
    images = _read(tmp_path, text)
    assert phases_in_text("一期", images.tables()) == (CtPhase.ARTERIAL,)
    assert phases_named("一期", images.mri_tables()) == (MriRole.T1_ARTERIAL,)
    assert images.mri_tables().opposed.search("T1 OOP 3mm")
    assert images.mri_tables().opposed.search("opp-phase")
    assert not ImageSettings().mri_tables().opposed.search("T1 OOP 3mm")


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("[alignment]\nregistration = 1", "alignment.registration", "true or false"),
        ("[alignment]\nregistraton = true", "alignment.registraton", "'registration'"),
        ('[roles]\nportal = "V"', "roles.portal", "a list of texts"),
        ('[liver]\ntotal_segmentator = "x"', "liver.weights", "under [liver]"),
        ('[liver]\nweights = "x"', "liver.total_segmentator", "under [liver]"),
        ('[liver]\nweights = "x"\ntotal_segmentator = 1', "liver.total_segmentator", "text in"),
        ("[roles]\nportal = []", "roles.portal", "a list of texts"),
        ('[roles]\nportal = ["V", " "]', "roles.portal", "a list of texts"),
        ('[roles]\nvenous = ["V"]', "roles.venous", "plain, arterial, portal, delayed"),
        ('[roles]\nt1_portal = ["V"]\nt1_delayed = ["v"]', "roles.t1_delayed", "under t1_portal"),
        ('[roles]\nother = ["V"]', "roles.other", "t1_arterial"),
        ('[roles]\narterial = ["P1"]\nportal = ["ｐ1"]', "roles.portal", "also stands under art"),
    ],
)
def test_every_mistake_is_named_by_its_key(tmp_path, text, where, said):
    with pytest.raises(SettingsError) as caught:
        _read(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.where == where
    assert said in problem.sentence()


def test_a_segmenter_is_a_command_or_a_path_beside_the_settings(tmp_path):
    weights = '\nweights = "w"\n'
    command = _read(tmp_path, f'[liver]\ntotal_segmentator = "TotalSegmentator"{weights}')
    assert command.segmenter == SegmenterSettings("TotalSegmentator", tmp_path / "w")
    path = _read(tmp_path, f'[liver]\ntotal_segmentator = "bin/run"{weights}')
    assert path.segmenter.program == str(tmp_path / "bin" / "run")


def test_several_mistakes_are_reported_at_once(tmp_path):
    problems = []
    given = {("alignment", "registration"): "yes", ("roles", "plain"): 3}
    parse_image_settings(given, tmp_path, problems)
    assert [p.where for p in problems] == ["alignment.registration", "roles.plain"]
