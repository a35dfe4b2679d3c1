"""The way in and out: name and password, the identity provider, choosing another password."""

from __future__ import annotations

from pipeline.people import Role
from tasks.accounts import PasswordRefused, Session, SignInRefused
from web.desk.gate import SESSION
from web.desk.page import Page


class SignIn(Page):
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

    def let_in(self, session: Session) -> None:
        """Give the browser the session's cookie, which ends with the browser."""
        self.set_secure_cookie(
            SESSION, session.token, expires_days=None, secure=self.is_secure(), httponly=True, samesite="Lax"
        )

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
