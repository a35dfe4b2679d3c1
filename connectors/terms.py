"""On what terms a source may be used, and what its silence means; each connector says its own (``terms``)."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model import Text
from pipeline.ports import Connector


@dataclass(frozen=True, slots=True)
class Terms:
    """``licence`` of the data, with whom to name; ``silence``: what it means that a subject is not there."""

    licence: Text
    silence: Text


UNSTATED = Text("公表された利用許諾なし。出典を明示する", "no licence is published; name the source")

UNKNOWN = Terms(Text("コネクタの提供元に確認", "ask whoever provides the connector"), Text("不明", "unknown"))
"""Of a connector that does not say."""


def terms_of(connector: Connector) -> Terms:
    """A connector's terms, also through whatever guards it."""
    said = getattr(connector, "terms", None)
    return said if isinstance(said, Terms) else UNKNOWN
