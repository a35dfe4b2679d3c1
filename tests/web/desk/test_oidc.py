"""Signing in at an identity provider: a small one on this machine, honest and otherwise."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from pipeline.people import Role
from tests.web.desk.conftest import PASSWORD, Desk

CLIENT = "sekisho-desk"
SECRET = "a client's secret"
REFUSED = "did not let you in"


@dataclass
class Provider:
    """An OpenID provider that lets everybody in whom a test names. ``claims`` and ``headers`` change
    its token.
    """

    desk: Desk | None = None
    person: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    sign_with: Any = None
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    down: bool = False

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(provider.get(urlparse(self.path)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                self.answer(provider.token(form, self.headers.get("Authorization", "")))

            def answer(self, said: tuple[int, dict[str, Any]]) -> None:
                status, document = said
                self.send_response(status)
                if "Location" in document:
                    self.send_header("Location", document["Location"])
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def get(self, asked: Any) -> tuple[int, dict[str, Any]]:
        if self.down:
            return 503, {}
        if asked.path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        if asked.path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
        return 302, {"Location": f"{query['redirect_uri']}?{back}"}

    def token(self, form: dict[str, str], login: str) -> tuple[int, dict[str, Any]]:
        begun = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if (
            begun is None
            or challenge.rstrip(b"=").decode() != begun["code_challenge"]
            or form["redirect_uri"] != begun["redirect_uri"]
            or login != expected
        ):
            return 400, {"error": "invalid_grant"}
        assert self.desk is not None
        now = int(self.desk.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            **self.person,
            **self.claims,
        }
        key = self.sign_with or self.key
        header = {"alg": self.algorithm, "kid": key.kid or "1"}
        token = jwt.encode(header, {k: v for k, v in claims.items() if v is not None}, key, [self.algorithm])
        return 200, {"id_token": token, "access_token": "x", "token_type": "Bearer"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider(person={"email": "ann@city.example", "email_verified": True})
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


@pytest.fixture
def sign(provider: Provider, open_desk: Callable[..., Desk]) -> Callable[..., Desk]:
    def desk_of(**settings: Any) -> Desk:
        provider.desk = open_desk(
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=SECRET,
            desk_url="http://desk.example",
            **settings,
        )
        return provider.desk

    return desk_of


def enter(provider: Provider, desk: Desk) -> httpx.Response:
    browser = desk.browser()
    asked = browser.get("/login/oidc", params={"next": "/reviews?waits=vendor"})
    if asked.status_code != 302:
        return asked
    returned = httpx.get(asked.headers["Location"], timeout=30).headers["Location"]
    return browser.get(returned.removeprefix("http://desk.example"))


def test_somebody_whom_the_provider_knows_gets_in_with_the_local_role(
    provider: Provider, sign: Callable[..., Desk]
) -> None:
    desk = sign()
    desk.accounts.add("ann@city.example", Role.OFFICER, "")
    answer = enter(provider, desk)
    assert answer.headers["Location"] == "/reviews?waits=vendor"
    assert "sekisho_session" in answer.headers["Set-Cookie"]
    # Bound now: another name at the provider is still the same person, and the same name somebody else is
    # not.
    provider.claims = {"email": "ann.new@city.example"}
    assert enter(provider, desk).status_code == 302
    provider.claims = {"sub": "subject-2"}
    assert REFUSED in enter(provider, desk).text


def test_who_has_no_account_or_one_with_a_password_or_a_disabled_one_does_not_get_in(
    provider: Provider, sign: Callable[..., Desk]
) -> None:
    desk = sign()
    assert enter(provider, desk).status_code == 403
    desk.accounts.add("ann@city.example", Role.OFFICER, PASSWORD)
    assert REFUSED in enter(provider, desk).text
    provider.claims = {"email": "ben@city.example"}
    desk.accounts.add("ben@city.example", Role.VIEWER, "")
    assert enter(provider, desk).status_code == 302
    desk.accounts.disable("ben@city.example")
    assert REFUSED in enter(provider, desk).text


def test_a_claim_gives_the_role_and_the_account_follows_it(
    provider: Provider, sign: Callable[..., Desk]
) -> None:
    desk = sign(oidc_role_claim="groups", oidc_roles={"desk": "reviewer", "heads": "officer"})
    provider.claims = {"groups": ["staff", "desk"]}
    assert enter(provider, desk).status_code == 302
    provider.claims = {"groups": ["desk", "heads"]}
    assert enter(provider, desk).status_code == 302
    [account] = desk.accounts.roster()
    assert (account.name, account.role) == ("ann@city.example", Role.OFFICER)
    for given in (["staff"], "staff", None, 7, []):
        provider.claims = {"groups": given}
        assert REFUSED in enter(provider, desk).text


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"iat": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None},
        {"email": "two words"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_now_and_this_attempt_is_none(
    provider: Provider, sign: Callable[..., Desk], claims: dict[str, Any]
) -> None:
    desk = sign()
    desk.accounts.add("ann@city.example", Role.OFFICER, "")
    provider.claims = claims
    answer = enter(provider, desk)
    assert answer.status_code == 403
    assert REFUSED in answer.text


def test_a_token_that_another_key_signed_is_none(provider: Provider, sign: Callable[..., Desk]) -> None:
    desk = sign()
    desk.accounts.add("ann@city.example", Role.OFFICER, "")
    provider.sign_with = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
    assert REFUSED in enter(provider, desk).text
    # A shared secret vouches for nobody.
    provider.sign_with = OctKey.import_key(SECRET.encode() * 2)
    provider.algorithm = "HS256"
    assert REFUSED in enter(provider, desk).text


def test_new_keys_of_the_provider_are_fetched(provider: Provider, sign: Callable[..., Desk]) -> None:
    desk = sign()
    desk.accounts.add("ann@city.example", Role.OFFICER, "")
    assert enter(provider, desk).status_code == 302
    provider.key = RSAKey.generate_key(2048, {"kid": "2"}, private=True)
    assert enter(provider, desk).status_code == 302


def test_an_answer_that_this_browser_did_not_ask_for_is_none(
    provider: Provider, sign: Callable[..., Desk]
) -> None:
    desk = sign()
    desk.accounts.add("ann@city.example", Role.OFFICER, "")
    victim, attacker = desk.browser(), desk.browser()
    asked = attacker.get("/login/oidc").headers["Location"]
    returned = httpx.get(asked, timeout=30).headers["Location"].removeprefix("http://desk.example")
    assert REFUSED in victim.get(returned).text, "no attempt of its own"
    victim.get("/login/oidc")
    assert REFUSED in victim.get(returned).text, "another's attempt"
    assert REFUSED in attacker.get(returned.replace(provider.issuer.rsplit(":", 1)[1], "1")).text
    attacker.get("/login/oidc")
    for query in ("", "?error=access_denied", "?code=x&state=y"):
        assert REFUSED in attacker.get(f"/login/oidc/return{query}").text


def test_a_code_counts_once(provider: Provider, sign: Callable[..., Desk]) -> None:
    desk = sign()
    desk.accounts.add("ann@city.example", Role.OFFICER, "")
    browser = desk.browser()
    asked = browser.get("/login/oidc").headers["Location"]
    kept = browser.client.cookies["sekisho_oidc"]
    returned = httpx.get(asked, timeout=30).headers["Location"].removeprefix("http://desk.example")
    assert browser.get(returned).status_code == 302
    browser.client.cookies.set("sekisho_oidc", kept)
    assert REFUSED in browser.get(returned).text


def test_a_provider_that_is_away_is_told_and_the_local_way_stays(
    provider: Provider, sign: Callable[..., Desk]
) -> None:
    desk = sign()
    provider.down = True
    assert enter(provider, desk).status_code == 503
    assert desk.browser().sign_in(desk.person("ben", Role.VIEWER)).status_code == 302


def test_without_a_provider_there_is_no_way_to_one(desk: Desk) -> None:
    assert desk.browser().get("/login/oidc").status_code == 404
    assert "/login/oidc" not in desk.browser().get("/login").text
