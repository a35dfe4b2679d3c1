"""Following the feed beside the pages: a thread of its own, which ends with the process."""

from __future__ import annotations

import logging
import threading

from catalog.client import CatalogClient, CatalogError, Follower
from catalog.index import Index
from catalog.settings import CatalogSettings

PAUSE = 2.0
"""Seconds until the feed is asked again after it could not be followed."""

log = logging.getLogger(__name__)


class Following:
    """Keeps an index as the catalog is. The index begins with the feed's first change, for its history."""

    def __init__(self, settings: CatalogSettings, index: Index) -> None:
        client = CatalogClient(
            settings.api_url, timeout=settings.timeout_seconds, tries=2, longest_wait=PAUSE
        )
        self._follower = Follower(client, index, beginning=True)
        self._wait = settings.wait_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the page that is being held back by the feed is not waited for."""
        self._stop.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        told = ""
        while not self._stop.is_set():
            try:
                # Without waiting at first, so that the index of an empty catalog is ready too.
                self._follower.catch_up()
                told = ""
                self._follower.run(self._stop, wait=self._wait, pause=PAUSE)
            except CatalogError as error:
                # What does not hold together is not taken. It may be mended on the other side. An outage is
                # told once, not every other second.
                if (kind := type(error).__name__) != told:
                    log.error("the feed cannot be followed: %s", error)
                    told = kind
            except Exception:
                log.exception("the feed cannot be followed")
            self._stop.wait(PAUSE)
