"""What Flower is started with. ``flowerconfig.py`` hands it to the stock ``celery -A tasks flower``.

Flower shows whoever gets in every case that went by. Who gets in, and as whom, is the desk's to say
(``web.desk``): named accounts with roles take the place of Flower's own login. ``/metrics`` and
``/healthcheck`` answer without one, by Flower's own design: they hold names of tasks and workers and
counts, no case. Keep Flower as a whole behind loopback or a proxy.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from pydantic import Field, SecretStr, ValidationError, model_validator

from pipeline.errors import ConfigurationError
from pipeline.people import Role
from tasks.settings import PREFIX, Settings, load_settings

GONE = ("FLOWER_USER", "FLOWER_PASSWORD", "FLOWER_CONTROL")
"""Settings of the one login that everybody shared."""


class FlowerSettings(Settings):
    """The settings of every process, and those that Flower with the desk alone needs."""

    flower_cookie_secret: SecretStr = Field(
        SecretStr(""), description="Signs Flower's cookies; left empty, each start signs everybody out"
    )
    session_hours: float = Field(12.0, gt=0, description="How long a reviewer stays signed in at most")
    session_idle_minutes: float = Field(60.0, gt=0, description="How long without looking at a page")
    desk_url: str = Field(
        "", description="Where reviewers reach Flower, as https://…: for OIDC and secure cookies"
    )
    oidc_issuer: str = Field(
        "", description="OpenID provider that reviewers sign in at (https://…); empty: none"
    )
    oidc_client_id: str = Field("", description="The client that Sekisho is there")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Its secret; a public client, which proves itself by PKCE alone, has none"
    )
    oidc_scope: str = Field("openid profile email", description="What is asked for at the provider")
    oidc_name_claim: str = Field("email", description="The claim that names the account")
    oidc_role_claim: str = Field(
        "", description="The claim that gives the role; empty: the local account does"
    )
    oidc_roles: dict[str, Role] = Field(
        {}, description='What the values of that claim mean: {"procurement-officers": "officer"}'
    )

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> FlowerSettings:
        if self.oidc_issuer and not (self.oidc_client_id and self.desk_url):
            raise ValueError("SEKISHO_OIDC_ISSUER needs SEKISHO_OIDC_CLIENT_ID and SEKISHO_DESK_URL")
        if self.oidc_role_claim and not self.oidc_roles:
            raise ValueError("SEKISHO_OIDC_ROLE_CLAIM needs SEKISHO_OIDC_ROLES")
        return self

    @property
    def session_lifetime(self) -> timedelta:
        """How long a session lasts at most."""
        return timedelta(hours=self.session_hours)

    @property
    def session_idle(self) -> timedelta:
        """How long a session lasts without use."""
        return timedelta(minutes=self.session_idle_minutes)


def load_flower_settings() -> FlowerSettings:
    """The settings as the environment has them now.

    :raises ConfigurationError: with every fault of those that all processes share, else of Flower's own.
    """
    load_settings()
    try:
        return FlowerSettings()
    except ValidationError as error:
        raise ConfigurationError(
            [
                ": ".join([*(f"{PREFIX}{str(part).upper()}" for part in fault["loc"][:1]), fault["msg"]])
                for fault in error.errors(include_url=False, include_input=False, include_context=False)
            ]
        ) from None


def options(chosen: FlowerSettings) -> dict[str, Any]:
    """Flower's options by their names; who gets in is the desk's to add."""
    named = {
        # Who may control workers and tasks is a matter of roles.
        "read_only": False,
        "natural_time": True,
        # The id leads to the task; the case reference is in kwargs, the word that it returned is its result.
        "tasks_columns": "uuid,name,kwargs,state,received,runtime,result,worker",
        "purge_offline_workers": 300,
        "max_tasks": 20_000,
        "persistent": False,
    }
    if secret := chosen.flower_cookie_secret.get_secret_value():
        named["cookie_secret"] = secret
    return named


def settings_or_exit() -> FlowerSettings:
    """The settings; where they do not hold together, a clear line each and exit status 1."""
    try:
        _refuse_what_is_gone()
        return load_flower_settings()
    except ConfigurationError as error:
        raise SystemExit("\n".join(f"sekisho: {fault}" for fault in error.faults)) from None


def _refuse_what_is_gone() -> None:
    """:raises ConfigurationError: where somebody counts on a login that is read no more."""
    faults = [
        f"{PREFIX}{name} is no more: people have accounts of their own, which `sekisho reviewers add` makes"
        for name in GONE
        if {f"{PREFIX}{name}", f"{PREFIX}{name}_FILE"} & os.environ.keys()
    ]
    if faults:
        raise ConfigurationError(faults)
