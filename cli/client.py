"""A sender's side of the HTTP interface: sign and post, ask how it stands, read the feed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from cli.output import Exit, Failure
from pipeline.documents import NotJson, read_json
from pipeline.lifecycle import OPEN
from pipeline.model import CheckState
from pipeline.webhook import SigningKey, sign

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and between two pieces of the answer."""

_STATUS = {
    409: Exit.CONFLICT,
    429: Exit.TRY_AGAIN,
    502: Exit.TRY_AGAIN,
    503: Exit.TRY_AGAIN,
    504: Exit.TRY_AGAIN,
}
_INVALID = frozenset({400, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What intake answered: the application's id, its case, where to ask for it, whether it came before."""

    application: str
    case: str
    location: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule that stands in the way: what it says, and what would remedy it, by language."""

    rule: str
    reason: str
    message: Mapping[str, str]
    remedy: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How an application stands. ``awaited`` names the sources that are asked again, each with the reason.

    ``document`` is the whole answer.
    """

    case: str
    state: str
    reason: str
    received_at: datetime
    changed_at: datetime
    awaited: tuple[str, ...]
    asked: tuple[Asked, ...]
    document: Mapping[str, Any]

    @property
    def is_settled(self) -> bool:
        """Whether the pipeline is done with it: it is decided, or a person is to decide."""
        return self.state not in OPEN

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Standing:
        """Read the answer of the status resource.

        :raises Failure: when it is none.
        """
        try:
            return cls(
                case=str(document["reference"]),
                state=str(document["state"]["code"]),
                reason=str((document["decision"] or {}).get("reason") or ""),
                received_at=datetime.fromisoformat(document["received_at"]),
                changed_at=datetime.fromisoformat(document["changed_at"]),
                awaited=tuple(
                    f"{check['source']} ({check['reason']})"
                    for check in document["checks"]
                    if check["state"]["code"] == CheckState.WAITING
                ),
                asked=tuple(
                    Asked(str(rule["rule"]), str(rule["reason"]), dict(rule["message"]), dict(rule["remedy"]))
                    for rule in document["asked_of_vendor"]
                ),
                document=document,
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise not_understood() from None


def wrap(document: Any, at: datetime) -> bytes:
    """The webhook's body for an application document. The same document and time give the same bytes."""
    submission = {
        "type": "application.submitted",
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": document,
    }
    return json.dumps(submission, ensure_ascii=False, separators=(",", ":")).encode()


def message_id_of(body: bytes) -> str:
    """A ``webhook-id`` that belongs to this body: sent again, it is the same message."""
    return "msg_" + hashlib.sha256(body).hexdigest()[:32]


class Client:
    """Speaks to one Sekisho as one sender."""

    def __init__(self, url: str, sender: str, key: SigningKey) -> None:
        self.url = url.rstrip("/")
        try:
            host = urlsplit(self.url).hostname
        except ValueError as error:
            raise Failure(Exit.INVALID, "cli.not_askable", f"{url} is no address", str(error)) from None
        self._sender = sender
        self._key = key
        self._session = requests.Session()
        # A proxy that the environment names is for the world outside, not for this machine.
        self._session.trust_env = host not in {"127.0.0.1", "localhost", "::1"}
        self._session.headers["User-Agent"] = "sekisho"

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def headers(self, message_id: str, body: bytes, at: datetime) -> dict[str, str]:
        """The headers of a signed message."""
        signed = {**sign([self._key], message_id, at, body), "Content-Type": "application/json"}
        return {**signed, "Sekisho-Sender": self._sender} if self._sender else signed

    def submit(self, message_id: str, body: bytes) -> Receipt:
        """Post a submission.

        :raises Failure: when it is not taken; with the problem object that came back.
        """
        answer = self._call(
            "POST",
            "/v1/applications",
            data=body,
            headers=self.headers(message_id, body, datetime.now(UTC)),
        )
        document = _read(answer)
        return Receipt(
            application=str(document.get("id", "")),
            case=str(document.get("reference", "")),
            location=self._absolute(answer.headers.get("Location", "")),
            repeated=answer.status_code == requests.codes.ok,
        )

    def status(self, application: str) -> Standing:
        """How an application of this sender stands.

        :raises Failure: when that cannot be told.
        """
        path = f"/v1/applications/{application}"
        # A request to read is signed as if method and path were its body.
        target = f"GET {path}".encode()
        headers = self.headers(message_id_of(target), target, datetime.now(UTC))
        return Standing.read(_read(self._call("GET", path, headers=headers)))

    def published(self) -> list[str]:
        """The case of each change in the catalog's feed, from its beginning.

        :raises Failure: when it cannot be read.
        """
        cases: list[str] = []
        cursor, more = 0, True
        while more:
            page = _read(self._call("GET", f"/v1/listings/changes?after={cursor}"))
            try:
                cases += [str(change["data"]["case"]) for change in page["items"]]
                cursor, more = int(page["next"]), bool(page["has_more"])
            except (KeyError, TypeError, ValueError):
                raise not_understood() from None
        return cases

    def _absolute(self, location: str) -> str:
        return location if "://" in location else f"{self.url}{location}"

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method, self.url + path, timeout=TIMEOUT, allow_redirects=False, **options
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Failure(
                Exit.TRY_AGAIN,
                "cli.no_answer",
                f"No answer from {self.url}",
                f"{type(error).__name__}: is it running? `sekisho up` starts one on this machine.",
            ) from None
        except (requests.RequestException, UnicodeError) as error:
            raise Failure(
                Exit.INVALID, "cli.not_askable", f"{self.url} cannot be asked", type(error).__name__
            ) from None
        if not answer.ok or answer.is_redirect:
            raise refused(answer)
        return answer


def refused(answer: requests.Response) -> Failure:
    """The failure that an answer other than 2xx is, with the problem object in it if there is one."""
    status = _STATUS.get(answer.status_code)
    if status is None:
        status = Exit.INVALID if answer.status_code in _INVALID else Exit.FAILED
    if answer.status_code == requests.codes.not_found:
        status = Exit.NOT_FOUND
    problem = _object(answer)
    if problem is None or "title" not in problem:
        return Failure(status, "cli.refused", f"Answered {answer.status_code}", answer.reason or "")
    if problem.get("code") == "webhook.id_reused":
        status = Exit.CONFLICT
    return Failure(
        status,
        str(problem.get("code", "cli.refused")),
        f"{problem['title']} ({answer.status_code})",
        str(problem.get("detail", "")),
        {name: value for name, value in problem.items() if name not in {"type", "title", "detail"}},
    )


def _read(answer: requests.Response) -> dict[str, Any]:
    document = _object(answer)
    if document is None:
        raise not_understood()
    return document


def _object(answer: requests.Response) -> dict[str, Any] | None:
    try:
        document = read_json(answer.content)
    except (NotJson, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def not_understood() -> Failure:
    """The failure that an answer of another shape is."""
    return Failure(Exit.FAILED, "cli.not_understood", "The answer is not understood; is this a Sekisho?")
