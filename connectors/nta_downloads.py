"""The agency's page of daily files (差分データのダウンロード), read as it is, and the files behind it.

Source: the page itself, as served on 2022-11-01. It lists the last forty days in three formats, each under a
heading of its own, with the day in the Japanese era and a number that a form sends back together with a token
of the session. The numbers follow no rule that could be computed; so the page is read every time.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlencode

import urllib3
from bs4 import BeautifulSoup, Tag

from connectors import strict
from connectors.dates import written_day
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.transport import Limits, Transport
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture

SOURCE: Final = "jp.nta"
BASE_URL: Final = "https://www.houjin-bangou.nta.go.jp"
PAGE: Final = "/download/sabun/"

_LIMITS: Final = Limits(connect=10.0, read=30.0, total=300.0, size=64 << 20)
"""A daily file has 0.2 MB; one that closes a year's thousands of companies at once, 1 MB."""

_ACCEPT: Final = ("text/html", "application/zip", "application/octet-stream", "application/x-zip-compressed")
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_UNICODE_CSV: Final = "csv-unicode"
_TOKEN: Final = re.compile(r"\.request\.token$")
_CALL: Final = re.compile(r"\bdoDownload\(([0-9]{1,9})\)")


@dataclass(frozen=True, slots=True)
class DownloadPage:
    """What the page offers: the file number of each day in UTF-8, the form's address and hidden fields."""

    files: Mapping[date, str]
    action: str
    hidden: Mapping[str, str]


def read_page(capture: Capture) -> DownloadPage:
    """Read the page.

    :raises SourceChanged: when it is not laid out as it was. A page without files is such a one.
    """
    with strict.reading(capture):
        page = BeautifulSoup(capture.body, "lxml", from_encoding="utf-8")
        form = page.find("form", id="appForm")
        if not isinstance(form, Tag):
            raise Unexpected("the page has no form for downloads")
        action = form.get("action")
        if not isinstance(action, str) or not re.fullmatch(r"/download/[a-z]+/(?:index\.html)?", action):
            raise Unexpected("the form leads elsewhere")
        hidden = {
            str(field["name"]): str(field.get("value", ""))
            for field in form.find_all("input", type="hidden")
            if field.get("name")
        }
        if not any(_TOKEN.search(name) and value for name, value in hidden.items()):
            raise Unexpected("the form has no token")
        if "selDlFileNo" not in hidden or hidden.get("event") != "download":
            raise Unexpected("the form has other fields")
        return DownloadPage(_listed(form), action, hidden)


def _listed(form: Tag) -> dict[date, str]:
    heading = form.find(id=_UNICODE_CSV)
    table = heading.find_next("table") if isinstance(heading, Tag) else None
    if not isinstance(table, Tag):
        raise Unexpected("the page has no table of CSV files in Unicode")
    files: dict[date, str] = {}
    for row in table.find_all("tr"):
        link = row.find("a", onclick=_CALL)
        if link is None:
            continue
        call = _CALL.search(str(link["onclick"]))
        day = written_day(row.th.get_text(strip=True)) if row.th is not None else None
        if day is None or call is None:
            raise Unexpected("a file of the page has no day")
        if files.setdefault(date.fromisoformat(day), call[1]) != call[1]:
            raise Unexpected("the page has two files of one day")
    if not files:
        raise Unexpected("the page lists no file")
    return files


class Downloads:
    """One session with the download pages.

    :raises ConfigurationError: as :class:`~connectors.transport.Transport`.
    """

    def __init__(self, *, base_url: str = BASE_URL, contact: str = "") -> None:
        self._session = _Session(SOURCE, base_url, accept=_ACCEPT, contact=contact, limits=_LIMITS)

    def page(self) -> DownloadPage:
        """The page as it is now.

        :raises SourceUnavailable: when no usable answer came.
        :raises SourceChanged: as :func:`read_page`.
        """
        return read_page(self._session.get(PAGE))

    def file(self, page: DownloadPage, day: date) -> bytes:
        """The zip of a day that the page lists.

        :raises SourceUnavailable: when no usable answer came; also for a page in its place, such as one that
            says that the session has ended.
        """
        fields = {**page.hidden, "event": "download", "selDlFileNo": page.files[day]}
        capture = self._session.post(page.action, urlencode(fields).encode("ascii"), _FORM_TYPE)
        if not capture.body.startswith(b"PK"):
            raise SourceUnavailable(SOURCE, Reason.WRONG_MEDIA_TYPE, "a page where a file was asked for")
        return capture.body

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._session.close()


class _Session(Transport):
    """A transport that gives back the cookies it is given: the form's token is good for its session only."""

    def _receive(
        self, raw: urllib3.HTTPResponse, also: Container[int]
    ) -> tuple[int, str, bytes] | SourceUnavailable:
        jar: SimpleCookie = SimpleCookie()
        try:
            for given in (self._headers.get("Cookie", ""), *raw.headers.getlist("set-cookie")):
                jar.load(given)
        except CookieError:
            return self._unavailable(Reason.SERVER_ERROR, "cookies that are none")
        if jar:
            self._headers["Cookie"] = "; ".join(
                f"{name}={cookie.coded_value}" for name, cookie in jar.items()
            )
        return super()._receive(raw, also)
