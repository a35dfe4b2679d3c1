"""The way in and out: name and password, the identity provider, choosing another password."""

from __future__ import annotations

import hmac
from typing import Final

import structlog
from tornado.web import HTTPError

from pipeline.people import Role
from tasks.accounts import PasswordRefused, Session, SignInRefused
from web.desk.gate import SESSION
from web.desk.oidc import PATIENCE, Attempt, Provider, ProviderUnavailable
from web.desk.page import Page

log = structlog.get_logger()

ATTEMPT: Final = "sekisho_oidc"
"""The cookie of an attempt to sign in at the provider."""


class Door(Page):
    """A page that lets people in."""

    def let_in(self, session: Session) -> None:
        """Give the browser the session's cookie, which ends with the browser."""
        self.set_secure_cookie(
            SESSION, session.token, expires_days=None, secure=self.is_secure(), httponly=True, samesite="Lax"
        )


class SignIn(Door):
    """Flower's ``auth_provider``: the page at ``/login``."""

    needs = {"GET": None, "POST": None}  # noqa: RUF012 - as in Gate

    def get(self) -> None:
        """Ask for name and password."""
        self._ask()

    async def post(self) -> None:
        """Let somebody in."""
        try:
            session = await self.run(
                self.desk.accounts.sign_in,
                self.field("name", 200),
                self.get_body_argument("password", "", strip=False),
            )
        except SignInRefused:
            self.set_status(403)
            self._ask(refused=True)
            return
        self.let_in(session)
        self.redirect(self.back())

    def _ask(self, *, refused: bool = False) -> None:
        self.show(
            "desk_sign_in.html",
            refused=refused,
            next=self.back(),
            provider=bool(self.desk.settings.oidc_issuer),
        )


class SignOut(Page):
    """The way out: a page that asks, and the form that does it."""

    needs = {"GET": None, "POST": None}  # noqa: RUF012 - as in Gate

    def get(self) -> None:
        """Ask: a link of another site signs nobody out."""
        if self.account is None:
            self.redirect(self.get_login_url())
        else:
            self.show("desk_sign_out.html")

    async def post(self) -> None:
        """End the session."""
        if token := self.session_token():
            await self.run(self.desk.accounts.sign_out, token)
        self.clear_cookie(SESSION)
        self.redirect(self.get_login_url())


class Password(Page):
    """Choosing another password."""

    needs = {"GET": Role.VIEWER, "POST": Role.VIEWER}  # noqa: RUF012 - as in Gate

    def lets_change_password(self) -> bool:
        """Yes: here it is changed."""
        return True

    def get(self) -> None:
        """Ask for the old and the new one."""
        self.show("desk_password.html", said="")

    async def post(self) -> None:
        """Change it."""
        assert self.account is not None
        session = Session(self.account, self.session_token())
        old = self.get_body_argument("old", "", strip=False)
        new = self.get_body_argument("new", "", strip=False)
        said = ""
        if new != self.get_body_argument("again", "", strip=False):
            said = self.language.translate("The two new passwords differ.")
        else:
            try:
                await self.run(self.desk.accounts.change_password, session, old, new)
            except SignInRefused:
                said = self.language.translate("The old password is not right, or was tried too often.")
            except PasswordRefused as error:
                said = self.language.of(error.said)
        if said:
            self.set_status(422)
            self.show("desk_password.html", said=said)
        else:
            self.redirect(self.back())


class _AtProvider(Door):
    """The two ends of signing in at the identity provider."""

    needs = {"GET": None}  # noqa: RUF012 - as in Gate

    async def prepare(self) -> None:
        """There is no such page where there is no provider."""
        await super().prepare()
        if self.desk.provider is None:
            raise HTTPError(404)

    @property
    def provider(self) -> Provider:
        """The provider of the settings."""
        assert self.desk.provider is not None
        return self.desk.provider

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to."""
        return self.desk.settings.desk_url.rstrip("/") + str(self.reverse_url("desk_oidc_return"))

    def turn_away(self, status: int, said: str) -> None:
        """Say that it did not work, and nothing about why."""
        self.set_status(status)
        self.show("desk_error.html", status=status, message=said)

    def unavailable(self) -> str:
        """What is said where the provider does not answer."""
        return self.language.translate("The identity provider cannot be reached. Please try again later.")


class AtProvider(_AtProvider):
    """The way to the provider."""

    async def get(self) -> None:
        """Send the browser there."""
        attempt = Attempt(next=self.back())
        try:
            address = await self.provider.begin(attempt, self.redirect_uri)
        except ProviderUnavailable as error:
            log.warning("oidc.unavailable", detail=str(error))
            self.turn_away(503, self.unavailable())
            return
        self.set_secure_cookie(
            ATTEMPT,
            attempt.as_text(),
            expires_days=None,
            secure=self.is_secure(),
            httponly=True,
            # The provider leads back here from its own site.
            samesite="Lax",
        )
        self.redirect(address)


class FromProvider(_AtProvider):
    """The way back from the provider."""

    async def get(self) -> None:
        """Let somebody in whom the provider vouches for."""
        kept = self.get_secure_cookie(ATTEMPT, max_age_days=PATIENCE.total_seconds() / 86400)
        self.clear_cookie(ATTEMPT)
        try:
            attempt = self._attempt(kept)
            identity = await self.provider.finish(
                attempt, self.get_query_argument("code", ""), self.redirect_uri
            )
            session = await self.run(self.desk.accounts.sign_in_as, identity)
        except SignInRefused as refused:
            log.info("oidc.refused", detail=str(refused))
            self.turn_away(
                403,
                self.language.translate(
                    "The identity provider did not let you in, or you have no account here."
                ),
            )
        except ProviderUnavailable as error:
            log.warning("oidc.unavailable", detail=str(error))
            self.turn_away(503, self.unavailable())
        else:
            self.let_in(session)
            self.redirect(attempt.next)

    def _attempt(self, kept: bytes | None) -> Attempt:
        """The attempt that this browser began.

        :raises SignInRefused: where it began none, or the answer belongs to another or comes from another.
        """
        if kept is None:
            raise SignInRefused("no attempt of this browser")
        attempt = Attempt.from_text(kept)
        if not hmac.compare_digest(attempt.state, self.get_query_argument("state", "")):
            raise SignInRefused("another attempt's answer")
        # RFC 9207: where the answer says whose it is, it is our provider's.
        if self.get_query_argument("iss", self.desk.settings.oidc_issuer) != self.desk.settings.oidc_issuer:
            raise SignInRefused("another provider's answer")
        if not self.get_query_argument("code", ""):
            raise SignInRefused("the provider gave no code")
        return attempt
