"""The tree of errors, split where it matters: may the same thing be tried again?

::

    SekishoError
    ├── Problem              the caller's request cannot be met; says what, where and what to do
    ├── SourceError          a source could not be asked or read; never evidence for or against a vendor
    │   ├── SourceUnavailable    try again: timeout, limit, outage, an answer cut short
    │   └── SourceChanged        do not expect better soon: the answer is not in the shape we know
    ├── LifecycleError       a transition that the life cycle does not allow: a fault of ours
    ├── StaleCase            the case has moved on since it was read: read it again
    ├── JournalBroken        the journal's entries are not what was written
    └── ConfigurationError   the operator's settings do not hold together
"""

from __future__ import annotations

from datetime import timedelta


class SekishoError(Exception):
    """Whatever Sekisho raises on purpose."""


class SourceError(SekishoError):
    """A source could not be asked or read.

    ``reason`` is a closed code for logs, counters and the reason shown to people; ``detail`` is for operators
    and carries neither secrets nor personal data.
    """

    def __init__(self, source: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{source}: {reason}" + (f" ({detail})" if detail else ""))
        self.source = source
        self.reason = reason
        self.detail = detail


class SourceUnavailable(SourceError):
    """No usable answer this time; asking again later may give one.

    ``retry_after`` is what the source itself asked for (RFC 9110, 10.2.3), already capped.
    """

    def __init__(
        self, source: str, reason: str, detail: str = "", *, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(source, reason, detail)
        self.retry_after = retry_after


class SourceChanged(SourceError):
    """An answer arrived and is kept, but does not have the shape this connector understands.

    ``sha256`` names the capture, so that whoever mends the connector can look at exactly these bytes.
    """

    def __init__(self, source: str, detail: str, *, sha256: str = "") -> None:
        super().__init__(source, "source_changed", detail)
        self.sha256 = sha256


class LifecycleError(SekishoError):
    """A transition that :mod:`pipeline.lifecycle` does not list."""


class StaleCase(SekishoError):
    """The case is no longer in the version that was read."""


class JournalBroken(SekishoError):
    """The journal is not the chain that was written; ``position`` is where that shows first."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the journal is broken at position {position}")
        self.position = position


class ConfigurationError(SekishoError):
    """The settings are wrong. ``faults`` lists all of them, one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults
