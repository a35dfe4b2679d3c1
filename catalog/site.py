"""The buyers' site: pages over the index, in Japanese and English, that need neither script nor cookie.

``uvicorn --factory catalog.site:app_factory``. The whole question of a page is in its URL. A cookie keeps
the language chosen, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from catalog import languages, selection
from catalog.fit import Fitness, Fits, Use
from catalog.following import Following
from catalog.index import Index, Stored
from catalog.languages import JAPAN, LANGUAGES, N_, Language
from catalog.pages import Pages, json_ld
from catalog.reading import Offer
from catalog.search import Busy, NotAQuestion, Question, Search
from catalog.selection import Candidate, Choice
from catalog.settings import CatalogSettings

MOST_COMPARED = 4
LARGEST_FORM = 300_000
LONGEST_QUERY = 8000
COOKIE = "lang"

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
}


@dataclass(frozen=True)
class Visit:
    """One request: in which language, on which day in Japan."""

    request: Request
    language: Language
    day: date

    @cached_property
    def parameters(self) -> list[tuple[str, str]]:
        """The URL's parameters."""
        return parse_qsl(self.request.url.query, keep_blank_values=True, max_num_fields=100)

    def all(self, name: str) -> list[str]:
        """Every value of a parameter."""
        return [value for key, value in self.parameters if key == name]

    def one(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return next(iter(self.all(name)), default)


Page = Callable[[Visit], Response]


class Site:
    """The pages."""

    def __init__(
        self,
        index: Index,
        fits: Fits,
        *,
        catalog_url: str,
        public_url: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._index = index
        self._search = Search(index)
        self._fits = fits
        self._catalog_url = catalog_url
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        self._pages = {tag: Pages(languages.language(tag)) for tag in LANGUAGES}
        self._style = files(__package__).joinpath("static", "site.css").read_bytes()

    @cached_property
    def routes(self) -> list[Route]:
        """Where the pages are."""
        return [
            Route("/", self._visited(self.search), methods=["GET"]),
            Route("/listings/{id}", self._visited(self.listing), methods=["GET"]),
            Route("/compare", self._visited(self.compare), methods=["GET"]),
            Route("/selection", self._visited(self.selection_form), methods=["GET"]),
            Route("/selection", self.selection_record, methods=["POST"]),
            Route("/language/{tag}", self.choose_language, methods=["GET"]),
            Route("/static/site.css", self.style, methods=["GET"]),
            Route("/livez", self.live, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
        ]

    # Pages

    def search(self, visit: Visit) -> Response:
        """The search and what it found."""
        question = Question.from_parameters(visit.parameters)
        hits = self._search.hits(question, visit.day)
        found = self._index.stored(hits.rows)
        return self._page(
            visit, "search.html", question=question, hits=hits, found=found, title=N_("Find software")
        )

    def listing(self, visit: Visit) -> Response:
        """One listing: what is known of it, by whom, what buyers' rules say, and what else there is."""
        position = _number(visit.one("as_of")) if visit.one("as_of") else None
        stored = self._index.listing(visit.request.path_params["id"], position)
        if stored is None:
            raise HTTPException(404)
        if not stored.is_in:
            history = self._index.history(stored.listing_id)
            return self._page(
                visit, "gone.html", 410, stored=stored, history=history, title=N_("Not in the catalog")
            )
        assert stored.document is not None
        offer = Offer(stored.document)
        at = position if position is not None else self._search.state(visit.day).position
        same = [other for other in self._same_product(stored, at) if other.listing_id != stored.listing_id]
        fit: Fitness | None = None
        use = Use.from_parameters(visit.parameters)
        if use is not None and position is None:
            fit = self._fits.of(stored.listing_id, use)
        return self._page(
            visit,
            "listing.html",
            200,
            stored=stored,
            offer=offer,
            same=same,
            unlocked=self._without_lock_in(visit, stored, offer) if position is None else [],
            history=self._index.history(stored.listing_id),
            as_of=position,
            use=use,
            fit=fit,
            json_ld=json_ld(stored, offer, self._public_url),
            title=offer.name(visit.language.tag),
        )

    def compare(self, visit: Visit) -> Response:
        """Up to four listings side by side."""
        wanted = list(dict.fromkeys(visit.all("id")))
        shown: list[Stored] = []
        for listing_id in wanted[:MOST_COMPARED]:
            stored = self._index.listing(listing_id[:64])
            if stored is not None and stored.is_in:
                shown.append(stored)
        status = 200 if shown else 422
        return self._page(
            visit,
            "compare.html",
            status,
            shown=shown,
            left_out=len(wanted) - len(shown),
            most=MOST_COMPARED,
            title=N_("Compare"),
        )

    def selection_form(self, visit: Visit) -> Response:
        """The long list of a search, with a choice to make of each that meets the requirements."""
        question = Question.from_parameters(visit.parameters)
        position = self._search.state(visit.day).position
        return self._form(visit, question, position, visit.day, {}, "", {})

    def _form(
        self,
        visit: Visit,
        question: Question,
        position: int,
        day: date,
        choices: Mapping[str, Choice],
        name: str,
        faults: Mapping[str, str],
    ) -> Response:
        try:
            found = selection.candidates(self._search, self._index, question, day, position)
        except selection.TooMany as error:
            return self._page(
                visit,
                "selection_narrow.html",
                422,
                question=question,
                count=error.count,
                most=selection.LONGEST_LIST,
                title=N_("Selection record"),
            )
        return self._page(
            visit,
            "selection_form.html",
            422 if faults else 200,
            question=question,
            requirements=selection.requirements_of(question),
            found=found,
            choices=choices,
            name=name,
            faults=faults,
            position=position,
            day=day.isoformat(),
            title=N_("Selection record"),
        )

    async def selection_record(self, request: Request) -> Response:
        """The record of the choices made, as a page to print, a table, or JSON."""
        visit = self._visit(request)
        body = await _body(request, LARGEST_FORM)
        if body is None:
            return await run_in_threadpool(self._told, visit, 413)
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=1000)
            return await run_in_threadpool(self._record, visit, pairs)
        except Busy:
            return await run_in_threadpool(self._told, visit, 503)
        except (NotAQuestion, ValueError):
            return await run_in_threadpool(self._told, visit, 400)

    def _record(self, visit: Visit, pairs: list[tuple[str, str]]) -> Response:
        fields = dict(pairs)
        question = Question.from_parameters(pairs)
        position, day = _number(fields.get("position", "")), date.fromisoformat(fields.get("day", ""))
        head = self._index.position() or 0
        known = self._index.known_since() <= position <= head
        if not known or not visit.day - timedelta(days=31) <= day <= visit.day:
            raise ValueError("a position or day that no form of ours has")
        name = fields.get("name", "").strip()[: selection.LONGEST_TITLE]
        choices = {
            key.removeprefix("choice."): Choice(
                value == "short",
                fields.get(f"reason.{key.removeprefix('choice.')}", ""),
                fields.get(f"note.{key.removeprefix('choice.')}", "").strip()[: selection.LONGEST_NOTE],
            )
            for key, value in fields.items()
            if key.startswith("choice.") and value in {"short", "out"}
        }
        try:
            found = selection.candidates(self._search, self._index, question, day, position)
        except selection.TooMany:
            return self._form(visit, question, position, day, choices, name, {})
        faults = _faults(found, choices, name)
        if faults:
            return self._form(visit, question, position, day, choices, name, faults)
        made_at = self._made_at(fields.get("made_at", ""))
        document = selection.record(
            question,
            found,
            choices,
            title=name,
            made_at=made_at,
            day=day,
            catalog_url=self._catalog_url,
            position=position,
            state=selection.digest_at(self._index, position),
        )
        form = fields.get("as", "html")
        stem = f"selection-{day.isoformat()}-{position}"
        if form == "json":
            text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
            return _download(text.encode("utf-8"), "application/json", f"{stem}.json")
        if form == "csv":
            table = self._pages[visit.language.tag].record_rows(document)
            return _download(selection.as_csv(table), "text/csv; charset=utf-8", f"{stem}.csv")
        kept = [pair for pair in pairs if pair[0] not in {"as", "made_at"}]
        return self._page(
            visit,
            "selection_record.html",
            record=document,
            question=question,
            kept=[*kept, ("made_at", made_at)],
            title=name,
        )

    def _made_at(self, told: str) -> str:
        """When the record was made: now, or what the page of the same record says, if that is of today."""
        now = self._clock().astimezone(UTC)
        try:
            made = datetime.fromisoformat(told)
            if timedelta() <= now - made <= timedelta(days=1):
                return made.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        except (ValueError, TypeError):
            pass
        return now.isoformat(timespec="seconds").replace("+00:00", "Z")

    def _same_product(self, stored: Stored, position: int) -> list[Stored]:
        product = self._index.product_of(stored.row)
        return self._index.of_product(product, position) if product else []

    def _without_lock_in(self, visit: Visit, stored: Stored, offer: Offer) -> list[Stored]:
        """Others of the same category that one can leave freely."""
        category = offer.product.get("category")
        if not isinstance(category, str):
            return []
        question = Question(facets=(("category", (category,)), ("exit", ("free-to-leave",))), sort="price")
        hits = self._search.hits(question, visit.day, limit=6)
        return [other for other in self._index.stored(hits.rows) if other.listing_id != stored.listing_id][:5]

    # The rest

    async def choose_language(self, request: Request) -> Response:
        """Keep the language in a cookie and go back to where it was chosen."""
        tag, back = request.path_params["tag"], request.query_params.get("back", "/")
        if tag not in LANGUAGES:
            return await run_in_threadpool(self._told, self._visit(request), 404)
        # A path of this site and nothing that a browser would take for another one.
        inside = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
        answer = RedirectResponse(quote(back, safe="/?&=%+.~_-") if inside else "/", status_code=303)
        answer.set_cookie(COOKIE, tag, max_age=31_536_000, httponly=True, samesite="lax")
        return answer

    async def style(self, _request: Request) -> Response:
        """The style sheet."""
        headers = {**_HEADERS, "Cache-Control": "public, max-age=300"}
        return Response(self._style, media_type="text/css; charset=utf-8", headers=headers)

    async def live(self, _request: Request) -> Response:
        """Whether the process answers."""
        return Response(b'{"ok": true}', media_type="application/json")

    async def ready(self, _request: Request) -> Response:
        """Whether there is an index, and how far it has come."""
        position = await run_in_threadpool(self._index.position)
        body = json.dumps({"ok": position is not None, "position": position}).encode()
        return Response(body, 200 if position is not None else 503, media_type="application/json")

    def _visited(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            visit = self._visit(request)
            if len(request.url.query) > LONGEST_QUERY:
                return await run_in_threadpool(self._told, visit, 414)
            try:
                return await run_in_threadpool(page, visit)
            except HTTPException as error:
                return await run_in_threadpool(self._told, visit, error.status_code)
            except Busy:
                return await run_in_threadpool(self._told, visit, 503)
            except (NotAQuestion, ValueError):
                return await run_in_threadpool(self._told, visit, 400)

        return answer

    def _visit(self, request: Request) -> Visit:
        asked = request.query_params.get("lang") or request.cookies.get(COOKIE, "")
        tag = asked if asked in LANGUAGES else languages.preferred(request.headers.get("accept-language", ""))
        return Visit(request, languages.language(tag), self._clock().astimezone(JAPAN).date())

    async def not_found(self, request: Request, error: Exception) -> Response:
        """The page for addresses where nothing is."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        return await run_in_threadpool(self._told, self._visit(request), status)

    def _told(self, visit: Visit, status: int) -> Response:
        return self._page(visit, "problem.html", status, status=status, title=N_("That did not work"))

    def _page(self, visit: Visit, template: str, status_code: int = 200, **values: Any) -> Response:
        path = visit.request.url.path
        query = visit.request.url.query if visit.request.method == "GET" else ""
        here = f"{path}?{query}" if query and len(query) <= LONGEST_QUERY else path
        if visit.request.method != "GET":
            here = "/"
        body = self._pages[visit.language.tag].render(
            template,
            here=here,
            position=values.pop("position", self._index.position()),
            today=visit.day,
            public_url=self._public_url,
            **values,
        )
        headers = {**_HEADERS, "Content-Language": visit.language.tag, "Cache-Control": "no-cache"}
        return Response(body, status_code, headers, "text/html; charset=utf-8")


def _faults(found: list[Candidate], choices: Mapping[str, Choice], name: str) -> dict[str, str]:
    """What is missing, by the id of the field where it is missing."""
    faults = {} if name else {"name": N_("Give the record a name.")}
    for candidate in found:
        if candidate.lacking:
            continue
        choice = choices.get(candidate.id)
        if choice is None:
            faults[f"choice.{candidate.id}"] = N_("Choose: short list, or left out.")
        elif not choice.is_complete:
            faults[f"reason.{candidate.id}"] = N_("Say why it is left out.")
    return faults


async def _body(request: Request, largest: int) -> bytes | None:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > largest:
            return None
    return bytes(body)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("not a number")
    return int(text)


def _download(body: bytes, media_type: str, name: str) -> Response:
    headers = {
        **_HEADERS,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response(body, 200, headers, media_type)


def create_app(
    site: Site, following: Following | None = None, close: Callable[[], None] | None = None
) -> Starlette:
    """The application. ``following`` runs beside it while it serves."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if following is not None:
            following.start()
        yield
        if following is not None:
            await run_in_threadpool(following.stop)
        if close is not None:
            await run_in_threadpool(close)

    return Starlette(
        routes=site.routes,
        lifespan=lifespan,
        exception_handlers={404: site.not_found, 405: site.not_found, 500: site.not_found},
    )


def app_factory() -> Starlette:
    """The application of this process, as the environment says."""
    settings = CatalogSettings()
    index = Index(settings.database())
    fits = Fits(settings.api_url, settings.timeout_seconds)
    site = Site(index, fits, catalog_url=settings.api_url, public_url=settings.public_url)
    following = Following(settings, index) if settings.follow else None
    return create_app(site, following, index.close)
