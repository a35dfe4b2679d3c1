"""What the desk's own handlers have in common."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flower.views.auth import is_safe_redirect

from pipeline.model import Text
from pipeline.people import Role
from web.desk.gate import OURS_CSP, Gate
from web.desk.language import COOKIE, LANGUAGES

SHORTCUTS = "sekisho_shortcuts"
"""The cookie that turns the keyboard shortcuts off."""


ROLES = {
    Role.VIEWER: Text("閲覧者", "viewer"),
    Role.REVIEWER: Text("審査担当者", "reviewer"),
    Role.OFFICER: Text("責任者", "officer"),
    Role.OPERATOR: Text("運用担当者", "operator"),
}


class Page(Gate):
    """A page of the desk."""

    needs = {"GET": Role.VIEWER}  # noqa: RUF012 - as in Gate
    policy = OURS_CSP
    tab = "reviews"
    live = 0
    """Seconds after which a browser with script looks again by itself; 0: never."""

    def show(self, template: str, **shown: Any) -> None:
        """Answer with a page."""
        self.render(
            template,
            languages=tuple(LANGUAGES.values()),
            here=self.request.uri,
            tab=self.tab,
            live=self.live,
            shortcuts=self.get_cookie(SHORTCUTS) != "off",
            roles=ROLES,
            urlencode=urlencode,
            **shown,
        )

    def field(self, name: str, most: int = 4000) -> str:
        """A form's field as it was typed, without white space around it; empty where there is none."""
        return str(self.get_body_argument(name, ""))[:most].strip()

    def remember(self, cookie: str, value: str) -> None:
        """Keep a choice of the reader's for a year."""
        self.set_cookie(
            cookie, value, expires_days=365, httponly=True, samesite="Lax", secure=self.is_secure(), path="/"
        )

    def is_secure(self) -> bool:
        """Whether cookies may travel by HTTPS only."""
        return self.request.protocol == "https" or self.desk.settings.desk_url.startswith("https://")

    def back(self) -> str:
        """Where a form asks to be led back to: a page of this host, else the queue."""
        wanted = self.get_body_argument("next", "") or self.get_query_argument("next", "")
        return str(wanted if is_safe_redirect(wanted) else self.reverse_url("desk_queue"))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """An error in the reader's language."""
        if status_code == 401:
            super().write_error(status_code, **kwargs)
            return
        if not hasattr(self, "_current_user"):
            self.current_user = None
        error = kwargs.get("exc_info", (None, None))[1]
        message = getattr(error, "log_message", None) if status_code < 500 else None
        self.show("desk_error.html", status=status_code, message=message or "")


class Choice(Page):
    """Remembers the language, or whether there are keyboard shortcuts."""

    needs = {"POST": None}  # noqa: RUF012 - as in Gate

    def post(self) -> None:
        """Keep what the form says and go back."""
        if (language := self.field("language")) in LANGUAGES:
            self.remember(COOKIE, language)
        if (shortcuts := self.field("shortcuts")) in {"on", "off"}:
            self.remember(SHORTCUTS, shortcuts)
        self.redirect(self.back())


def id_or_none(text: str) -> UUID | None:
    """A UUID as it stands in an address or a form."""
    try:
        return UUID(text)
    except ValueError:
        return None
