"""The review's page: one browser of this machine, no outside request, answers stored."""

import asyncio
import io
import re
from contextlib import closing
from dataclasses import replace

import httpx
import numpy as np
import pytest
from ct_files import CtFiles, body, write_ct
from mask_files import write_segmentation
from mr_files import LIVER, liver_study, write_study
from PIL import Image

from client.catalogue import CatalogueStore
from client.catalogue_update import update_catalogue
from client.image_roles import roles_for
from client.review_page import ReviewPage
from client.site_settings import SiteSettings
from shared.tasks.preparation_settings import MriPreparation
from shared.vocabulary import CtPhase

PHASES = (CtPhase.PLAIN, CtPhase.PORTAL)
ADDRESS = "http://127.0.0.1:8123"


class Browser:
    """One browser with its cookies, talking to the page without a socket."""

    def __init__(self, page, address=ADDRESS):
        self._transport = httpx.ASGITransport(page.app())
        self._address, self._cookies = address, httpx.Cookies()

    def _ask(self, method, path, **more):
        async def ask():
            async with httpx.AsyncClient(
                transport=self._transport,
                base_url=self._address,
                cookies=self._cookies,
                follow_redirects=True,
            ) as client:
                answer = await client.request(method, path, **more)
                self._cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path):
        return self._ask("GET", path)

    def post(self, path, data, **headers):
        return self._ask("POST", path, data=data, headers=headers)


@pytest.fixture
def site(tmp_path):
    values = body(6, liver_hu=60.0, size=64)
    for one in (
        CtFiles(number=2, description="plain", acquired="100000"),
        CtFiles(number=3, description="<script>alert(1)</script>", acquired="100100"),
        CtFiles(number=4, description="Wang^XiaoDong", acquired="100200"),
    ):
        z_mm = tuple(5.0 * z for z in range(6))
        write_ct(tmp_path / "dicom", replace(one, z_mm=z_mm, values_hu=values))
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("patient_id,response\nP1,CR\n")
    return SiteSettings("north", tmp_path / "dicom", manifest, tmp_path / "work")


@pytest.fixture
def page(site):
    with closing(CatalogueStore(site.work)) as store:
        catalogue = update_catalogue(store, site.dicom, site.images)
    return ReviewPage(site, catalogue, PHASES, "Dr Li")


@pytest.fixture
def browser(page):
    opened = Browser(page)
    assert opened.get(f"/?token={page.token}").status_code == 200
    return opened


def test_the_token_opens_the_page_once(page):
    token = page.token
    first, second = Browser(page), Browser(page)
    assert first.get("/").status_code == 403
    assert first.get("/?token=wrong").status_code == 403
    assert first.get(f"/?token={token}").status_code == 200
    assert first.get("/").status_code == 200
    assert second.get(f"/?token={token}").status_code == 403


def test_another_name_of_this_machine_is_refused(page):
    stranger = Browser(page, "http://evil.example:8123")
    assert stranger.get(f"/?token={page.token}").status_code == 403


def test_the_page_asks_nothing_of_the_network_and_runs_no_script(browser):
    for path in ("/", "/study/1"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
        assert re.findall(r"(?:src|href|action)=\"(?!/)", answer.text) == []


def test_neither_patient_nor_description_is_shown(browser):
    shown = browser.get("/").text + browser.get("/study/1").text
    assert "P1" not in shown
    assert "Wang" not in shown
    assert "alert(1)" not in shown


def test_the_study_shows_pictures_from_head_to_feet(browser):
    text = browser.get("/study/1").text
    heights = [float(z) for z in re.findall(r"<figcaption>z ([-\d.]+) mm", text)]
    assert heights[:6] == [25.0, 20.0, 15.0, 10.0, 5.0, 0.0]
    address = re.search(r"<img src=\"([^\"]+)\"", text)[1]
    picture = np.asarray(Image.open(io.BytesIO(browser.get(address).content)))
    assert picture.shape == (64, 64)
    assert picture[0, 0] == 0
    assert 120 <= picture[32, 32] <= 136  # 60 HU is the middle of the window


@pytest.mark.parametrize("path", ["/study/1/77/0.png", "/study/1/0/77.png", "/docs"])
def test_what_is_not_there_is_not_found(browser, path):
    assert browser.get(path).status_code == 404


def test_an_answer_is_stored_under_the_reviewers_name(browser, site):
    text = browser.get("/study/1").text
    series = re.findall(r"name=\"series\" value=\"([^\"]+)\"", text)[2]
    answer = browser.post("/study/1", {"series": series, "role": "portal"})
    assert answer.status_code == 200
    assert "Nothing open" in answer.text
    browser.post("/study/1", {"lower": "5", "upper": "20"})
    with closing(CatalogueStore(site.work)) as store:
        (confirmed,) = store.confirmed().values()
    assert confirmed.roles == {series: CtPhase.PORTAL}
    assert (confirmed.liver.lower_mm, confirmed.liver.upper_mm) == (5.0, 20.0)
    assert {entry.who for entry in confirmed.entries} == {"Dr Li"}


@pytest.mark.parametrize(
    "form",
    [
        {"lower": "5", "upper": "x"},
        {"lower": "5", "upper": "5"},
        {"series": "2.25.1000.4", "role": "purple"},
        {"series": "nowhere", "role": "portal"},
        {},
    ],
)
def test_a_form_that_says_nothing_useful_is_answered_and_not_stored(browser, site, form):
    answer = browser.post("/study/1", form)
    assert answer.status_code == 400
    assert 'class="told"' in answer.text
    with closing(CatalogueStore(site.work)) as store:
        assert store.confirmed() == {}


def test_a_form_of_another_page_is_refused(browser):
    form = {"lower": "5", "upper": "20"}
    answer = browser.post("/study/1", form, origin="http://evil.example")
    assert answer.status_code == 400


def test_a_range_can_be_proposed_or_the_page_says_why_not(browser):
    assert "range" in browser.get("/study/1?propose=yes").text


def test_a_study_of_mri_shows_its_sequences_with_their_own_answers(tmp_path):
    bright = replace(LIVER, values_hu=body(6, liver_hu=60.0, size=64), z_mm=tuple(range(0, 30, 5)))
    write_study(tmp_path / "dicom", liver_study(bright))
    site = SiteSettings("north", tmp_path / "dicom", tmp_path / "none.csv", tmp_path / "work")
    with closing(CatalogueStore(site.work)) as store:
        catalogue = update_catalogue(store, site.dicom, site.images)
    page = ReviewPage(site, catalogue, roles_for(MriPreparation()), "Dr Li")
    browser = Browser(page)
    browser.get(f"/?token={page.token}")
    text = browser.get("/study/1").text
    assert "T1 arterial" in text
    assert 'value="opposed_phase" required checked' in text
    assert "Propose a range" not in text
    assert 'value="portal"' not in text
    picture = browser.get(re.search(r"/study/1/\d+/\d+\.png", text)[0])
    values = np.asarray(Image.open(io.BytesIO(picture.content)))
    assert (values.min(), values.max()) == (0, 255)
    series = f"{LIVER.study_uid}.6"
    assert browser.post("/study/1", {"series": series, "role": "portal"}).status_code == 400
    answered = browser.post("/study/1", {"series": series, "role": "t1_portal"})
    assert "T1 portal" in answered.text


def test_a_masks_range_is_offered_for_signing_with_its_source(browser, site):
    write_segmentation(
        site.manifest.parent / "mask", {"Liver": np.ones((6, 64, 64), bool)}, range(0, 30, 5)
    )
    site.manifest.write_text("patient_id,response,liver_mask\nP1,CR,mask\n")
    text = browser.get("/study/1").text
    assert "nobody signed it yet" in text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', text))
    offered = {"lower": form["offered_lower"], "upper": form["offered_upper"]}
    assert offered == {"lower": "0.0", "upper": "25.0"}
    hidden = {name: cell for name, cell in form.items() if name != "series"}
    signed = browser.post("/study/1", hidden | offered).text
    assert "From a DICOM segmentation, confirmed." in signed
    corrected = browser.post("/study/1", hidden | offered | {"lower": "5"}).text
    assert "From a person who looked at the images, confirmed." in corrected


def test_a_mask_that_cannot_be_used_is_told_on_the_page(browser, site):
    (site.manifest.parent / "mask").write_text("no mask")
    site.manifest.write_text("patient_id,response,liver_mask\nP1,CR,mask\n")
    text = browser.get("/study/1").text
    assert "The mask of the liver cannot be used." in text
    assert "Without them every slice is used." in text
