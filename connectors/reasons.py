"""Why a source gave no usable answer: the closed set of codes for ``Unanswered.reason``."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """One code each for logs, counters and what people are told (``docs/reasons.md``)."""

    TIMEOUT = "timeout"
    """Too slow to connect, to begin or to finish its answer."""
    UNREACHABLE = "unreachable"
    """No such host, no connection, or the connection was closed without an answer."""
    FORBIDDEN_ADDRESS = "forbidden_address"
    """The source's name leads into a private network; nothing was connected to."""
    TLS = "tls"
    """No trusted secure connection; a certificate that does not verify is never accepted."""
    RATE_LIMITED = "rate_limited"
    """Asked too often: the source says so, or it would by its published limit and was not asked."""
    CIRCUIT_OPEN = "circuit_open"
    """It failed so often of late that nobody asks for a while."""
    SERVER_ERROR = "server_error"
    """The source reports a fault of its own, or does not answer in HTTP."""
    REFUSED = "refused"
    """Our credentials or our question were not accepted: an operator should look."""
    REDIRECTED = "redirected"
    """The source points elsewhere; a registry's interface does not, and nobody follows."""
    WRONG_MEDIA_TYPE = "wrong_media_type"
    """Something else than data, such as a maintenance page with status 200."""
    TOO_LARGE = "too_large"
    """More than an answer of this source can be."""
    TRUNCATED = "truncated"
    """The answer broke off."""
    DEFERRED = "deferred"
    """Not waited for, or asked as often as it can bear just now: its own lane asks again at once."""
    FAULT = "fault"
    """The connector failed in a way it must not; the log says where."""
    NOT_CONFIGURED = "not_configured"
    """No connector for this source is in use any more."""
