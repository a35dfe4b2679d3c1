"""What an operator sets, from environment variables with the prefix ``SEKISHO_``.

Secrets may stand in files instead: ``SEKISHO_SECRET_KEYS_FILE`` names the file that holds what
``SEKISHO_SECRET_KEYS`` would. All faults are told at once, at the start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.delivery import DeliverySchedule
from pipeline.documents import read_json
from pipeline.errors import ConfigurationError
from pipeline.freshness import Ages, Freshness, Purpose
from pipeline.review.policy import ReviewTimes
from pipeline.schedule import RetrySchedule
from pipeline.signing import SigningKey

PREFIX = "SEKISHO_"

OPEN_SOURCES = ("int.gleif", "no.brreg", "fr.entreprises", "us.fedramp")
"""Asked unless the operator says no: interfaces that are open to everybody under an open licence.

All others wait for his word: they need a key or a server, publish no terms and no layout (the lists that are
pages), or may lawfully be asked for some purposes only (``eu.vies``).
"""
_LONGEST_AGE = 400 * 24 * 60 * 60.0


class Settings(BaseSettings):
    """Every setting, its meaning and its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        SecretStr("sqlite:///sekisho.db"), description="SQLAlchemy URL: sqlite:///FILE or postgresql://…"
    )
    broker_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="Redis or Valkey; rediss:// and sentinel:// too"
    )
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Fernet keys, comma separated, the newest first; they encrypt the senders' secrets"
    )
    signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Ed25519 keys, comma separated, the newest first; they sign the journal and receipts",
    )
    head_entries: int = Field(1000, ge=1, description="After so many entries the journal's head is signed")
    head_minutes: float = Field(
        15.0, gt=0, description="After so long it is signed if there is anything new in the journal"
    )
    mirror_url: SecretStr = Field(
        SecretStr(""),
        description="The register's mirror; default: beside the SQLite file, or in the database itself",
    )
    mirror_age_days: int = Field(
        4, ge=0, description="How many days the mirror's state may lie back for jp.nta to answer from it"
    )
    registry_update_hours: float = Field(
        6.0, ge=0, description="How often the mirror, where there is one, is brought up to date; 0: never"
    )
    nta_download_url: str = Field("", description="Another base than the agency's own download pages")
    contact: str = Field("", description="Mail or web address of the operator, told to the sources")
    source_timeout_seconds: float = Field(
        20.0, gt=0, description="How long one call to a source may take in all"
    )
    sources: Annotated[dict[str, dict[str, str]], NoDecode] = Field(
        {},
        validate_default=True,
        repr=False,
        description="The sources that are asked, with keys and addresses, as JSON: docs/operations.md",
    )
    policy: str = Field("jp-national", description="The policy pack in force")
    policy_candidate: str = Field(
        "",
        description="A pack that is tried beside it and never applied: a name, a file, or a proposal's id",
    )
    express_patience_seconds: float = Field(
        2.0, gt=0, description="How long the express lane waits for its slowest source"
    )
    retry_delays_seconds: Annotated[tuple[float, ...], NoDecode] = Field(
        tuple(delay.total_seconds() for delay in RetrySchedule().delays),
        description="Waits between the tries of a source, comma separated",
    )
    retry_jitter: float = Field(
        0.2, ge=0, le=1, description="By what part of itself each of these waits may be longer, by chance"
    )
    answer_ages_seconds: dict[str, float] = Field(
        {},
        description="How old an answer may be to be used again, by purpose (first, correction, standing; "
        'also "SOURCE.PURPOSE"): {"first": 3600, "correction": 86400, "screening.yente.first": 0}',
    )
    step_lease_seconds: float = Field(
        30.0, gt=0, description="After so long a step that is not done is sent again"
    )
    sweep_interval_seconds: float = Field(1.0, gt=0, description="How often the sweeper looks")
    worker_threads: int = Field(8, ge=1, description="Cases that one worker process carries at a time")
    public_url: str = Field(
        "", pattern=r"^(https?://[!-~]+)?$", description="Where the outside finds web; links in what is told"
    )
    delivery_ports: Annotated[tuple[int, ...], NoDecode] = Field(
        (443,), description="Ports that subscribers' endpoints may have, comma separated"
    )
    delivery_loopback: bool = Field(
        False, description="For development: endpoints on this machine, without TLS and with any port"
    )
    delivery_timeout_seconds: float = Field(
        15.0, gt=0, le=30, description="How long an endpoint may take to answer"
    )
    delivery_delays_seconds: Annotated[tuple[float, ...], NoDecode] = Field(
        tuple(delay.total_seconds() for delay in DeliverySchedule().delays),
        description="Waits between the tries of a delivery, comma separated",
    )
    delivery_retention_days: int = Field(
        90, ge=7, description="How many days messages that were taken are kept, for replays under their ids"
    )
    delivery_lanes: int = Field(4, ge=1, description="Endpoints that are served at a time, by all workers")
    body_limit_bytes: int = Field(65536, ge=1024, description="Largest webhook body")
    rate_limit_per_minute: int = Field(600, ge=1, description="Applications a minute from one sender")
    backlog_limit: int = Field(20000, ge=1, description="Open steps beyond which intake answers 503")
    review_days: dict[str, int] = Field(
        {"": 10, "startup": 7},
        description='Business days to decide a referred case, by the vendor\'s track; "" for all others',
    )
    answer_days: int = Field(10, ge=1, le=250, description="A vendor's business days to answer a question")
    appeal_days: int = Field(90, ge=1, le=3660, description="A vendor's calendar days to appeal a decision")
    feed_retention_days: int = Field(
        365, ge=1, description="Days for which the catalog's feed keeps its changes"
    )
    snapshot_age_seconds: float = Field(
        600.0, ge=0, description="How old a snapshot may get while the catalog changes"
    )
    state_dir: Path = Field(Path(".sekisho"), description="Where one machine's own servers keep their files")

    @field_validator("secret_keys", "signing_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("secret_keys")
    @classmethod
    def _are_fernet_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in value:
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError("not a Fernet key; `sekisho keys new` makes one") from None
        return value

    @field_validator("signing_keys")
    @classmethod
    def _are_signing_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in value:
            SigningKey.read(key.get_secret_value())
        return value

    @property
    def keys_that_sign(self) -> tuple[SigningKey, ...]:
        """The signing keys, the newest first."""
        return tuple(SigningKey.read(key.get_secret_value()) for key in self.signing_keys)

    @field_validator("sources", mode="before")
    @classmethod
    def _chosen_sources(cls, value: Any, info: ValidationInfo) -> dict[str, dict[str, str]]:
        """Those open to everybody and those that the operator names, each with what is told to all."""
        given = read_json(value.encode()) if isinstance(value, str) else value
        if not isinstance(given, Mapping):
            raise ValueError("not a JSON object of sources")
        chosen = {**dict.fromkeys(OPEN_SOURCES, True), **given}
        common = {
            "contact": info.data.get("contact", ""),
            "timeout": str(info.data.get("source_timeout_seconds", "")),
        }
        return {
            source: common | _of_source(source, own) for source, own in chosen.items() if own is not False
        }

    @field_validator("retry_delays_seconds", "delivery_delays_seconds", "delivery_ports", mode="before")
    @classmethod
    def _split_numbers(cls, value: Any) -> Any:
        return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("answer_ages_seconds")
    @classmethod
    def _are_ages(cls, value: dict[str, float]) -> dict[str, float]:
        for name, seconds in value.items():
            if name.rpartition(".")[2] not in set(Purpose) or not 0 <= seconds <= _LONGEST_AGE:
                raise ValueError(
                    "each is PURPOSE or SOURCE.PURPOSE, with seconds from 0 to those of 400 days"
                )
        return value

    @property
    def freshness(self) -> Freshness:
        """How long answers may be used again."""
        chosen: dict[str, dict[str, timedelta]] = {}
        for name, seconds in self.answer_ages_seconds.items():
            source, _, purpose = name.rpartition(".")
            chosen.setdefault(source, {})[purpose] = timedelta(seconds=seconds)
        usual = replace(Ages(), **chosen.pop("", {}))
        return Freshness(usual, {source: replace(usual, **ages) for source, ages in chosen.items()})

    @field_validator("review_days")
    @classmethod
    def _have_a_default(cls, value: dict[str, int]) -> dict[str, int]:
        if "" not in value or not all(1 <= days <= 250 for days in value.values()):
            raise ValueError('needs 1 to 250 business days for each track, and for all others under ""')
        return value

    @property
    def review_times(self) -> ReviewTimes:
        """How long people and vendors may take."""
        return ReviewTimes(self.review_days, answer_days=self.answer_days, appeal_days=self.appeal_days)

    @property
    def lease(self) -> timedelta:
        """How long whoever does a step at once has for it."""
        return timedelta(seconds=self.step_lease_seconds)

    @property
    def feed_retention(self) -> timedelta:
        """How long the feed keeps its changes."""
        return timedelta(days=self.feed_retention_days)

    @property
    def snapshot_age(self) -> timedelta:
        """How old a snapshot may get while the catalog changes."""
        return timedelta(seconds=self.snapshot_age_seconds)

    @property
    def patience(self) -> timedelta:
        """How long the express lane waits."""
        return timedelta(seconds=self.express_patience_seconds)

    @property
    def schedule(self) -> RetrySchedule:
        """When a source that gave no answer is asked again."""
        delays = tuple(timedelta(seconds=seconds) for seconds in self.retry_delays_seconds)
        return RetrySchedule(delays, jitter=self.retry_jitter)

    @property
    def delivery_delays(self) -> tuple[timedelta, ...]:
        """When what an endpoint did not take is sent again."""
        return tuple(timedelta(seconds=seconds) for seconds in self.delivery_delays_seconds)

    @property
    def delivery_retention(self) -> timedelta:
        """How long messages that were taken are kept."""
        return timedelta(days=self.delivery_retention_days)

    @property
    def longest_delivery(self) -> timedelta:
        """What one try of a delivery may take in all."""
        return timedelta(seconds=2 * self.delivery_timeout_seconds)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the files that the environment names."""
        return (init_settings, env_settings, _NamedFiles(settings_cls))


def _of_source(source: str, own: Any) -> dict[str, str]:
    """A source's own settings; ``true`` says that it is asked and needs none."""
    if own is True:
        return {}
    if not isinstance(own, Mapping):
        raise ValueError(f"{source}: true, false, or an object with its settings")
    for name, value in own.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ValueError(f"{source}: {name} is neither text nor a number")
    return {name: str(value) for name, value in own.items()}


class _NamedFiles(PydanticBaseSettingsSource):
    """``SEKISHO_X_FILE``: the value of ``SEKISHO_X`` stands in that file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """The file's text without the white space around it, or None where no file is named."""
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All the fields that a file is named for."""
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None:
                values[name] = value
        return values


def load_settings() -> Settings:
    """The settings as the environment has them now.

    :raises ConfigurationError: with every fault, each naming its variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'_'.join(str(part) for part in fault['loc'][:1]).upper()}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise ConfigurationError(faults) from None
    except OSError as error:
        raise ConfigurationError([f"a file with a secret cannot be read: {error.strerror}"]) from None


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
