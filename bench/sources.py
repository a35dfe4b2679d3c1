"""Six sources: the two genuine connectors, and each of them twice more under other names.

Sekisho finds the four others as it finds any third party's: by the entry points of an installed package,
which :func:`install` makes in a folder on ``PYTHONPATH``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from connectors import gleif, nta
from connectors.installed import GROUP
from pipeline.documents import Json
from pipeline.model import Capture, Evidence, Inquiry
from pipeline.ports import Connector

NTA = ("jp.nta", "bench.nta-2", "bench.nta-3")
GLEIF = ("int.gleif", "bench.gleif-2", "bench.gleif-3")
SOURCES = (*NTA, *GLEIF)


class Renamed:
    """A connector under another source's name.

    Its captures end in ``tail``, so that each source's answer has its own bytes, as those of real ones have.
    """

    def __init__(self, source: str, tail: bytes, connector: Connector) -> None:
        self.source = source
        self._tail = tail
        self._connector = connector

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """The connector's, under this name."""
        for inquiry in self._connector.inquiries(application):
            yield replace(inquiry, source=self.source)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The connector's, under this name."""
        capture = self._connector.fetch(inquiry)
        return replace(capture, source=self.source, body=capture.body + self._tail)

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """The connector's, under this name."""
        return replace(self._connector.parse(inquiry, capture), source=self.source)


def _renamed(
    source: str, times: int, connector: Callable[[Mapping[str, str]], Connector]
) -> Callable[[Mapping[str, str]], Connector]:
    return lambda settings: Renamed(source, b"\n" * times, connector(settings))


nta_2 = _renamed(NTA[1], 1, nta.connector)
nta_3 = _renamed(NTA[2], 2, nta.connector)
gleif_2 = _renamed(GLEIF[1], 1, gleif.connector)
gleif_3 = _renamed(GLEIF[2], 2, gleif.connector)

_FACTORIES = {NTA[1]: "nta_2", NTA[2]: "nta_3", GLEIF[1]: "gleif_2", GLEIF[2]: "gleif_3"}


def install(folder: Path) -> None:
    """Make a folder a place of installed packages that holds the four other sources."""
    package = folder / "sekisho_bench-0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: sekisho-bench\nVersion: 0\n", "utf-8")
    entries = "".join(f"{source} = {__name__}:{factory}\n" for source, factory in _FACTORIES.items())
    (package / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}", "utf-8")


def settings(nta_url: str, application_id: str, gleif_url: str) -> dict[str, dict[str, str]]:
    """The settings of the six sources (``SEKISHO_SOURCES``)."""
    of_nta = {"application_id": application_id, "base_url": nta_url}
    return dict.fromkeys(NTA, of_nta) | {name: {"base_url": gleif_url} for name in GLEIF}
