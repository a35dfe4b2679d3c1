"""A sender's side of the HTTP interface: sign and post, ask how it stands, read the feed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from cli.output import Exit, Failure
from pipeline.lifecycle import OPEN
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
        self._sender = sender
        self._key = key
        self._session = requests.Session()
        # A proxy that the environment names is for the world outside, not for this machine.
        self._session.trust_env = urlsplit(self.url).hostname not in {"127.0.0.1", "localhost", "::1"}
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

    def status(self, application: str) -> dict[str, Any]:
        """How an application of this sender stands.

        :raises Failure: when that cannot be told.
        """
        path = f"/v1/applications/{application}"
        # A request to read is signed as if method and path were its body.
        target = f"GET {path}".encode()
        headers = self.headers(message_id_of(target), target, datetime.now(UTC))
        return _read(self._call("GET", path, headers=headers))

    def settled(self, application: str) -> dict[str, Any] | None:
        """The same once the pipeline is done with it; None before.

        :raises Failure: as :meth:`status`.
        """
        standing = self.status(application)
        return None if standing["state"]["code"] in OPEN else standing

    def changes(self) -> Iterator[dict[str, Any]]:
        """The catalog's feed from its beginning.

        :raises Failure: when it cannot be read.
        """
        cursor, more = 0, True
        while more:
            page = _read(self._call("GET", f"/v1/listings/changes?after={cursor}"))
            yield from page["items"]
            cursor, more = page["next"], page["has_more"]

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
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "title" not in problem:
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
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Failure(
            Exit.FAILED, "cli.not_understood", "The answer is not a JSON object; is this a Sekisho?"
        )
    return document
