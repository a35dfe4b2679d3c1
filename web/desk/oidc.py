"""Signing in at an OpenID provider: code flow with PKCE and nonce (OpenID Connect Core 1.0, RFC 7636, RFC
9700).

What the provider says counts only as an ID token that its published key signed for us, now, and for this very
attempt. Who somebody is are issuer and subject; the name is only how the account is found the first time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlparse

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from pipeline.errors import SekishoError
from pipeline.people import Role
from pipeline.ports import Clock
from tasks.accounts import Identity, SignInRefused
from tasks.flower_options import FlowerSettings

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")
"""Signatures with a key pair only: with a shared secret, whoever knows our side of it could sign."""

LEEWAY: Final = 60
"""Seconds by which two clocks may differ."""

PATIENCE: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""

_TIMEOUT: Final = 10.0
_LARGEST: Final = 1_000_000
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

STRONGEST_FIRST: Final = (Role.OFFICER, Role.REVIEWER, Role.OPERATOR, Role.VIEWER)
"""Of several roles that a claim gives, the first of these counts."""


class ProviderUnavailable(SekishoError):
    """The provider cannot be reached, or does not speak as one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in, kept in the browser in a signed cookie until it comes back."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    next: str = "/"

    def as_text(self) -> str:
        """For the cookie."""
        return json.dumps([self.state, self.nonce, self.verifier, self.next])

    @classmethod
    def from_text(cls, text: bytes) -> Attempt:
        """What :meth:`as_text` wrote; the cookie's signature says that it did."""
        return cls(*json.loads(text))


@dataclass(frozen=True, slots=True)
class _Metadata:
    authorization: str
    token: str
    keys: str


class Provider:
    """The OpenID provider of the settings. Its metadata and keys are fetched when first needed, and kept."""

    def __init__(self, settings: FlowerSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._metadata: _Metadata | None = None
        self._keys: KeySet | None = None

    async def begin(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where to send the browser.

        :raises ProviderUnavailable: when the provider does not say where.
        """
        metadata = await self._known()
        challenge = hashlib.sha256(attempt.verifier.encode("ascii")).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.oidc_scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii"),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlparse(metadata.authorization).query else "?"
        return f"{metadata.authorization}{joint}{urlencode(asked)}"

    async def finish(self, attempt: Attempt, code: str, redirect_uri: str) -> Identity:
        """Who came back with this code.

        :raises ProviderUnavailable: when the provider does not answer as one.
        :raises SignInRefused: when it does not vouch for anybody, or not for us and now.
        """
        metadata = await self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
            "client_id": self._settings.oidc_client_id,
        }
        secret = self._settings.oidc_client_secret.get_secret_value()
        login = (self._settings.oidc_client_id, secret) if secret else None
        answer = await self._ask(metadata.token, form, login)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused("the provider gave no ID token")
        return self._identity(await self._claims(token, attempt.nonce))

    async def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        try:
            decoded = await self._verified(token)
            registry = jwt.JWTClaimsRegistry(
                now=int(self._clock.now().timestamp()),
                leeway=LEEWAY,
                iss={"essential": True, "value": self._settings.oidc_issuer},
                aud={"essential": True, "value": self._settings.oidc_client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(decoded)
        except (JoseError, ValueError) as error:
            raise SignInRefused(f"the ID token does not hold: {type(error).__name__}") from None
        several = isinstance(decoded["aud"], list) and len(decoded["aud"]) > 1
        if decoded.get("azp", None if several else self._settings.oidc_client_id) != (
            self._settings.oidc_client_id
        ):
            raise SignInRefused("the ID token was made for another client")
        return decoded

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, await self._published(), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            # The provider may have changed its keys since they were fetched; once is enough to find out.
            self._keys = None
            return jwt.decode(token, await self._published(), algorithms=ALGORITHMS).claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        named = claims.get(self._settings.oidc_name_claim)
        if self._settings.oidc_name_claim == "email" and claims.get("email_verified") is not True:
            raise SignInRefused("the address was not verified by the provider")
        if not isinstance(named, str) or not isinstance(claims["sub"], str):
            raise SignInRefused("the provider gives no name")
        return Identity(self._settings.oidc_issuer, claims["sub"], named, self._role(claims))

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        if not self._settings.oidc_role_claim:
            return None
        given = claims.get(self._settings.oidc_role_claim)
        values = given if isinstance(given, list) else [given]
        meant = {self._settings.oidc_roles.get(value) for value in values if isinstance(value, str)}
        role = next((role for role in STRONGEST_FIRST if role in meant), None)
        if role is None:
            raise SignInRefused("the provider gives no role here")
        return role

    async def _known(self) -> _Metadata:
        if self._metadata is None:
            issuer = self._settings.oidc_issuer
            found = await self._ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            # OpenID Connect Discovery 1.0, 4.3: exactly the same.
            if found.get("issuer") != issuer:
                raise ProviderUnavailable("the provider calls itself otherwise than the settings do")
            self._metadata = _Metadata(
                *(_address(found, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
            )
        return self._metadata

    async def _published(self) -> KeySet:
        if self._keys is None:
            found = await self._ask((await self._known()).keys)
            try:
                self._keys = KeySet.import_key_set({"keys": found["keys"]})
            except (JoseError, KeyError, TypeError, ValueError):
                raise ProviderUnavailable("the provider's keys cannot be read") from None
        return self._keys

    async def _ask(
        self, url: str, form: Mapping[str, str] | None = None, login: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        client = AsyncHTTPClient(force_instance=True, max_body_size=_LARGEST)
        try:
            answer = await client.fetch(
                url,
                method="GET" if form is None else "POST",
                body=None if form is None else urlencode(form),
                headers={"Accept": "application/json"},
                auth_username=login[0] if login else None,
                auth_password=login[1] if login else None,
                follow_redirects=False,
                connect_timeout=_TIMEOUT,
                request_timeout=_TIMEOUT,
            )
            document = json.loads(answer.body)
        except HTTPClientError as error:
            if form is not None and error.code == 400:
                raise SignInRefused("the provider does not take the code") from None
            raise ProviderUnavailable(f"the provider answered {error.code}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise ProviderUnavailable(f"the provider did not answer: {type(error).__name__}") from None
        finally:
            client.close()
        if not isinstance(document, dict):
            raise ProviderUnavailable("the provider answered in another form")
        return document


def _address(document: Mapping[str, Any], name: str) -> str:
    """An endpoint: by HTTPS, or on this machine."""
    value = document.get(name)
    parsed = urlparse(value if isinstance(value, str) else "")
    if parsed.scheme == "https" or (parsed.scheme == "http" and parsed.hostname in _LOOPBACK):
        return str(value)
    raise ProviderUnavailable(f"the provider's {name} is no address by HTTPS")
