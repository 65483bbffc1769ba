"""What the site settings and the manifest say of a study reaches its prepared images."""

from dataclasses import replace

import numpy as np
import pytest
from ct_files import CtFiles, write_ct
from rigid_phantom import phases

from client.image_settings import ImageSettings
from client.site_preparation import prepare_site
from client.site_settings import SiteSettings
from shared.tasks.preparation import CtPreparation
from shared.vocabulary import CtPhase

TWO = CtPreparation((CtPhase.ARTERIAL, CtPhase.PORTAL), image_size=56)


def _site(folder, manifest="patient_id,response\nP1,PR\n"):
    site = SiteSettings("north", folder / "dicom", folder / "manifest.csv", folder / "work")
    site.manifest.write_text(manifest, encoding="utf-8")
    return site


@pytest.fixture(scope="module")
def body():
    return phases(1)


def _phase(values, at, number, description, **changes):
    return CtFiles(
        number=number,
        description=description,
        acquired=f"10{number:02d}00",
        z_mm=tuple(at.origins_mm[:, 2].tolist()),
        origin_xy_mm=tuple(at.origins_mm[0, :2].tolist()),
        pixel_mm=at.pixel_mm[0],
        values_hu=np.clip(values, -1024, 3000),
        **changes,
    )


def test_phases_of_two_frames_of_reference_meet_where_the_site_allows_it(tmp_path, body):
    portal, arterial, at = body
    write_ct(tmp_path / "dicom", _phase(portal, at, 4, "portal"))
    write_ct(tmp_path / "dicom", _phase(arterial, at, 3, "arterial", frame_uid="2.25.77"))
    site = _site(tmp_path)
    refused = prepare_site(site, TWO)
    assert refused.usable == ()
    assert "'registration = true' under [alignment]" in refused.problems[-1].sentence()
    allowed = prepare_site(replace(site, images=ImageSettings(registration=True)), TWO)
    (case,) = allowed.usable
    assert any("both lie on each other" in notice for notice in case.study.notices)
    assert prepare_site(site, TWO).usable == ()  # what was registered is not taken for the refused


def test_the_sites_own_words_name_the_phases_of_its_studies(tmp_path, body):
    portal, arterial, at = body
    write_ct(tmp_path / "dicom", _phase(portal, at, 4, "Abd 2"))
    write_ct(tmp_path / "dicom", _phase(arterial, at, 3, "Abd 1"))
    site = _site(tmp_path)
    silent = prepare_site(site, TWO)
    assert (silent.usable, silent.waiting) == ((), 1)
    words = ((CtPhase.ARTERIAL, ("Abd 1",)), (CtPhase.PORTAL, ("ABD 2",)))
    (case,) = prepare_site(replace(site, images=ImageSettings(words=words)), TWO).usable
    crossed = ((CtPhase.ARTERIAL, ("Abd 2",)), (CtPhase.PORTAL, ("Abd 1",)))
    other = prepare_site(replace(site, images=ImageSettings(words=crossed)), TWO)
    assert case.study.images.shape[1] == 2
    assert other.usable == ()  # the order of acquisition contradicts the crossed words
    assert other.waiting == 1
