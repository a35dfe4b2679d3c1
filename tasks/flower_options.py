"""What Flower is started with. ``flowerconfig.py`` hands it to the stock ``celery -A tasks flower``.

Flower shows whoever gets in every case that went by, so it starts only with a login. ``/metrics`` and
``/healthcheck`` answer without one, by Flower's own design: they hold names of tasks and workers and counts,
no case. Keep Flower as a whole behind loopback or a proxy.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr, ValidationError

from pipeline.errors import ConfigurationError
from tasks.settings import PREFIX, Settings, load_settings


class FlowerSettings(Settings):
    """The settings of every process, and those that Flower alone needs."""

    flower_user: str = Field("", description="Who may see Flower's pages")
    flower_password: SecretStr = Field(SecretStr(""), description="The password for it; Flower needs both")
    flower_cookie_secret: SecretStr = Field(
        SecretStr(""), description="Signs Flower's cookies; left empty, each start makes a new one"
    )
    flower_control: bool = Field(
        False, description="Whether those who see Flower may also stop workers and send tasks"
    )


def load_flower_settings() -> FlowerSettings:
    """The settings as the environment has them now.

    :raises ConfigurationError: with every fault of those that all processes share, else of Flower's own.
    """
    load_settings()
    try:
        return FlowerSettings()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise ConfigurationError(
            [f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in faults]
        ) from None


def options(chosen: FlowerSettings) -> dict[str, Any]:
    """Flower's options by their names.

    :raises ConfigurationError: when there is no login, or one that Flower cannot compare.
    """
    named = {
        "basic_auth": [_login(chosen)],
        "read_only": not chosen.flower_control,
        "natural_time": True,
        # The case reference is in kwargs, the word that a task returned is its result.
        "tasks_columns": "name,kwargs,state,received,runtime,result,worker",
        "purge_offline_workers": 300,
        "max_tasks": 20_000,
        "persistent": False,
    }
    if secret := chosen.flower_cookie_secret.get_secret_value():
        named["cookie_secret"] = secret
    return named


def options_or_exit() -> dict[str, Any]:
    """The same from the environment; where that does not hold together, one clear line and exit status 1."""
    try:
        return options(load_flower_settings())
    except ConfigurationError as error:
        raise SystemExit("\n".join(f"sekisho: {fault}" for fault in error.faults)) from None


def _login(chosen: FlowerSettings) -> str:
    user, password = chosen.flower_user, chosen.flower_password.get_secret_value()
    names = f"{PREFIX}FLOWER_USER and {PREFIX}FLOWER_PASSWORD"
    if not user or not password:
        raise ConfigurationError(
            [f"Flower shows cases and starts only with a login: set {names} (or …_FILE)"]
        )
    pair = f"{user}:{password}"
    # Flower splits the header at white space and compares text as ASCII only.
    if ":" in user or " " in user or not (pair.isascii() and pair.isprintable()):
        raise ConfigurationError([f"{names} are printable ASCII, the user without colon and space"])
    return pair
