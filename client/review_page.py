"""The review as a local page with thumbnails: this machine only, one person, no outside request.

The address printed at the start holds a token that works once; after that a cookie tells the
browser that opened it. Pictures are drawn from the hospital's own files and kept nowhere.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from urllib.parse import parse_qs

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, StrictUndefined

from client.catalogue_records import NO_ROLE, Catalogue, SeriesRecord, Status
from client.catalogue_update import headers_of
from client.image_roles import OFFERED, Modality, role_of, role_words
from client.liver_review import with_mask
from client.review import StudyView, views_of
from client.review_answers import confirm_liver_range, confirm_role, find_series, find_study
from client.site_settings import SiteSettings
from client.thumbnail import slice_png
from shared.dicom.geometry import VolumeGeometry, order_volume
from shared.dicom.mask_slices import slice_heights_mm
from shared.dicom.series import CandidateSeries, group_series
from shared.errors import DataError, HepafedError
from shared.imaging.slices import spread_evenly
from shared.report.page_style import STYLE
from shared.tasks.liver_range import LiverRange, LiverSource, propose_range
from shared.vocabulary import ImageRole

COOKIE = "hepafed-review"
_SHOWN_SLICES = 8
_LARGEST_FORM = 4096  # bytes; the forms have three short fields
_NO_PICTURE, _FORBIDDEN, _NOT_FOUND, _REFUSED = 404, 403, 404, 400
_SEE_OTHER = 303
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ReviewPage:
    """The page of one site for one reviewer.

    Attributes:
        token: Opens the page once.
    """

    def __init__(
        self, site: SiteSettings, catalogue: Catalogue, roles: Sequence[ImageRole], who: str
    ) -> None:
        """Prepare the page.

        Args:
            site: The hospital's settings.
            catalogue: Brought up to date.
            roles: Phases or sequences that the model needs.
            who: The reviewer, under whose name answers are stored.
        """
        self.token = secrets.token_urlsafe(24)
        self._cookie = secrets.token_urlsafe(24)
        self._site, self._catalogue, self._roles, self._who = site, catalogue, roles, who
        self._held: tuple[str, dict[str, CandidateSeries]] = ("", {})
        environment = Environment(autoescape=True, undefined=StrictUndefined)
        template = files("client").joinpath("review_page.html").read_text("utf-8")
        self._template = environment.from_string(template)

    def app(self) -> FastAPI:
        """Give the page as a web application."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.middleware("http")(self._guard)
        app.get("/")(self._overview)
        app.get("/style.css")(self._style)
        app.get("/study/{number}")(self._study)
        app.post("/study/{number}")(self._answer)
        app.get("/study/{number}/{place}/{index}.png")(self._picture)
        return app

    async def _guard(
        self, request: Request, forward: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Let in the browser that brought the token, from this machine, and nobody else."""
        host = request.headers.get("host", "").rpartition(":")[0]
        token = request.query_params.get("token", "")
        if host not in ("127.0.0.1", "localhost"):
            response: Response = Response("Open the page by its local address.", _FORBIDDEN)
        elif token and self.token and hmac.compare_digest(token.encode(), self.token.encode()):
            self.token = ""
            response = RedirectResponse("/", _SEE_OTHER)
            response.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict")
        elif not hmac.compare_digest(
            request.cookies.get(COOKIE, "").encode(), self._cookie.encode()
        ):
            response = Response(
                "This page opens once, with the address that the command printed. "
                "Start the command again for a new one.",
                _FORBIDDEN,
            )
        else:
            response = await forward(request)
        response.headers.update(_HEADERS)
        return response

    def _overview(self) -> HTMLResponse:
        views = views_of(self._site, self._catalogue, self._roles)
        return self._page("Review", views=views, view=None)

    def _style(self) -> Response:
        own = files("client").joinpath("private_pages.css").read_text("utf-8")
        return Response(STYLE + own, media_type="text/css")

    def _study(self, number: int, propose: str = "") -> HTMLResponse:
        view = self._view(number)
        if propose:
            liver, told = self._proposal(view)
        else:
            liver, told = self._stated(view)
        return self._show(view, liver, told)

    async def _answer(self, number: int, request: Request) -> Response:
        body = await request.body()
        view = self._view(number)
        if len(body) > _LARGEST_FORM or not _same_origin(request):
            return Response("The form was refused.", _REFUSED)
        fields = {name: values[0] for name, values in parse_qs(body.decode("utf-8")).items()}
        try:
            self._store(view, fields)
        except HepafedError as error:
            return self._show(view, view.liver, error.message, status=_REFUSED)
        return RedirectResponse(f"/study/{number}", _SEE_OTHER)

    def _picture(self, number: int, place: int, index: int) -> Response:
        view = self._view(number)
        series = view.series[place] if 0 <= place < len(view.series) else None
        if series is None or series.status in (Status.SET_ASIDE, Status.QUARANTINED):
            return Response(status_code=_NO_PICTURE)
        try:
            volume = self._volume(view, series)
            if not 0 <= index < volume.shape[0]:
                return Response(status_code=_NO_PICTURE)
            return Response(slice_png(volume, index), media_type="image/png")
        except HepafedError:
            return Response(status_code=_NO_PICTURE)

    def _store(self, view: StudyView, fields: Mapping[str, str]) -> None:
        if "series" in fields:
            word = fields.get("role", "")
            if word not in {*OFFERED[view.modality], NO_ROLE}:
                raise DataError("Choose what the series is.")
            series = find_series(view, fields["series"])
            role = None if word == NO_ROLE else role_of(word)
            confirm_role(self._site.work, view, series, role, self._who)
            return
        try:
            ends = float(fields.get("lower", "")), float(fields.get("upper", ""))
        except ValueError:
            raise DataError("Give both ends of the liver as heights in millimetres.") from None
        confirm_liver_range(self._site.work, view, ends, self._who, _source(fields))

    def _view(self, number: int) -> StudyView:
        return find_study(views_of(self._site, self._catalogue, self._roles), number=number)

    def _show(
        self,
        view: StudyView,
        liver: LiverRange | None,
        told: str,
        status: int = 200,
    ) -> HTMLResponse:
        strips = [
            (place, series, self._strip(view, series))
            for place, series in enumerate(view.series)
            if series.status is not Status.SET_ASIDE
        ]
        return self._page(
            view.label,
            status=status,
            view=view,
            views=(),
            offered=[(role.value, role_words(role)) for role in OFFERED[view.modality]],
            may_propose=view.modality is Modality.CT,
            strips=strips,
            aside=[s for s in view.series if s.status is Status.SET_ASIDE],
            liver=liver,
            told=told,
        )

    def _strip(self, view: StudyView, series: SeriesRecord) -> list[tuple[int, float]]:
        """Choose the slices to show, by index and height, from the head down."""
        if series.status is Status.QUARANTINED:
            return []
        try:
            volume = self._volume(view, series)
        except HepafedError:
            return []
        heights = slice_heights_mm(volume)
        chosen = spread_evenly(np.argsort(-heights), _SHOWN_SLICES)
        return [(int(index), float(heights[index])) for index in chosen]

    def _stated(self, view: StudyView) -> tuple[LiverRange | None, str]:
        """Give what a person, the manifest or its mask says of the liver."""
        try:
            shown = with_mask(view, self._site, self._roles)
        except HepafedError as error:
            return view.liver, f"The mask of the liver cannot be used. {error.message}"
        if shown.liver is None or shown.liver.vouched_for:
            return shown.liver, ""
        return shown.liver, f"The liver's range is from {shown.liver.source}; nobody signed it yet."

    def _proposal(self, view: StudyView) -> tuple[LiverRange | None, str]:
        for series in view.series:
            if series.status in (Status.USABLE, Status.QUESTION):
                try:
                    found = propose_range(self._volume(view, series))
                except HepafedError:
                    continue
                told = f"Proposed from {series.name}, with a margin; look at it, then confirm."
                ends = round(found.lower_mm, 1), round(found.upper_mm, 1)
                return LiverRange(*ends, found.source), told
        return view.liver, "No liver was found by itself. Give the range by hand."

    def _volume(self, view: StudyView, series: SeriesRecord) -> VolumeGeometry:
        uid, candidates = self._held
        if uid != view.study.study_uid:  # one study at a time: its pictures are asked for together
            groups = group_series(headers_of(view.study, self._catalogue.root))
            candidates = {candidate.volume_id: candidate for candidate in groups}
            self._held = view.study.study_uid, candidates
        if series.volume_id not in candidates:
            raise DataError("The series is gone. Start the review again.")
        return order_volume(candidates[series.volume_id])

    def _page(self, title: str, status: int = 200, **values: object) -> HTMLResponse:
        text = self._template.render(
            title=title,
            site=self._site.name,
            who=self._who,
            role_words=role_words,
            no_role=NO_ROLE,
            **values,
        )
        return HTMLResponse(text, status)


def _source(fields: Mapping[str, str]) -> LiverSource:
    """Say where heights come from: what was offered, unless the person wrote others."""
    unchanged = all(
        fields.get(f"offered_{end}") == fields.get(end) != "" for end in ("lower", "upper")
    )
    known = {source.value: source for source in LiverSource} if unchanged else {}
    return known.get(fields.get("source", ""), LiverSource.PERSON)


def _same_origin(request: Request) -> bool:
    """Refuse forms that another page sends; a browser names the origin of every form."""
    origin = request.headers.get("origin", "")
    return origin in ("", f"http://{request.headers.get('host', '')}")
