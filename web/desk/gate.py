"""The gate: who somebody is, and what they may do. Every handler of Flower and of the desk stands behind it.

Flower has no roles and, past its login, lets everybody do everything. So each of its handlers is replaced
by one with :class:`Gate` before it (``web.desk.frame``): a handler that the table there does not know takes
an operator.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import urlencode, urlparse

from flower.views import BaseHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RequestHandler

from pipeline.people import Person, Role
from storage.accounts import Account
from web.desk.language import COOKIE, Language, chosen
from web.desk.services import DeskServices

SESSION: Final = "sekisho_session"
"""The cookie with a session's token, signed."""

FLOWERS_CSP: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Flower's own pages have scripts and styles in them."""

OURS_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

ANYBODY: Final = None

P = ParamSpec("P")
T = TypeVar("T")


class Gate(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """Stands before a handler. ``needs`` says what each method takes; what it does not name takes an
    operator.
    """

    needs: dict[str, Role | None] = {}  # noqa: RUF012 - read only, and each subclass has its own
    policy = FLOWERS_CSP
    account: Account | None = None

    @property
    def desk(self) -> DeskServices:
        """What the desk reaches."""
        services: DeskServices = self.settings["desk"]
        return services

    @property
    def person(self) -> Person:
        """Who acts; only where a role is needed."""
        assert self.account is not None
        return self.account.person

    @property
    def language(self) -> Language:
        """The language of the page."""
        return chosen(self.get_cookie(COOKIE), self.request.headers.get("Accept-Language", ""))

    async def run(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something that waits (for the database, mostly) off the event loop, which is one thread."""
        call: Awaitable[T] = IOLoop.current().run_in_executor(
            self.application.executor, lambda: do(*args, **kwargs)
        )
        return await call

    # -- what Tornado and Flower call

    def set_default_headers(self) -> None:
        """Headers of every answer, errors too."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", self.policy)
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Cache-Control", "no-store")

    def check_xsrf_cookie(self) -> None:
        """Always: same origin, and the token (Flower leaves the token out where it sees an Authorization)."""
        site = self.request.headers.get("Sec-Fetch-Site")
        origin = self.request.headers.get("Origin")
        if site and site != "same-origin":
            raise HTTPError(403, "Cross-site request forbidden")
        if not site and origin and urlparse(origin).netloc != self.request.host:
            raise HTTPError(403, "Cross-origin request forbidden")
        RequestHandler.check_xsrf_cookie(self)

    async def prepare(self) -> None:
        """Find out who it is and turn away whoever may not."""
        needed = self.needs.get(self.request.method, Role.OPERATOR)
        token = self.session_token()
        self.account = await self.run(self.desk.accounts.of_token, token) if token else None
        self.current_user = None if self.account is None else self.account.name
        if needed is not ANYBODY:
            if self.account is None:
                self._ask_to_sign_in()
            elif self.account.must_change and not self.lets_change_password():
                self.redirect(self.reverse_url("desk_password"))
            elif not self.account.person.may(needed):
                raise HTTPError(403, self.language.translate("Your role does not allow this."))
        if not self._finished:
            prepared = super().prepare()
            if prepared is not None:
                await prepared

    def get_current_user(self) -> None:
        """Nobody, until :meth:`prepare` has looked."""
        return

    def get_user_locale(self) -> Any:
        """What templates translate with."""
        return self.language

    def get_template_namespace(self) -> dict[str, Any]:
        """What every template finds."""
        return {
            **super().get_template_namespace(),
            "language": self.language,
            "account": self.account,
            "may": lambda role: self.account is not None and self.account.person.may(Role(role)),
        }

    def render(self, *args: Any, **kwargs: Any) -> Any:
        """As Flower does, but its controls are shown to operators only."""
        if "read_only" in kwargs:
            kwargs["read_only"] = self.account is None or not self.account.person.may(Role.OPERATOR)
        return super().render(*args, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """As Flower does; its own answer to 401 would have the browser ask for a password."""
        if status_code == 401:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish("Sign in at /login first.")
            return
        super().write_error(status_code, **kwargs)

    # -- sessions

    def session_token(self) -> str:
        """The token that the browser shows; empty without one that we signed."""
        # Older than any session may be, a signature does not count.
        days = self.desk.settings.session_lifetime.total_seconds() / 86400
        value = self.get_secure_cookie(SESSION, max_age_days=days)
        return value.decode("ascii", errors="replace") if value else ""

    def lets_change_password(self) -> bool:
        """Whether this page is for those, too, who have to choose a password first."""
        return False

    def _ask_to_sign_in(self) -> None:
        if self.request.method != "GET" or self.request.path.startswith(self._api_path()):
            raise HTTPError(401)
        self.redirect(f"{self.get_login_url()}?{urlencode({'next': self.request.uri})}")

    def _api_path(self) -> str:
        prefix = (self.application.options.url_prefix or "").strip("/")
        return f"/{prefix}/api/" if prefix else "/api/"
