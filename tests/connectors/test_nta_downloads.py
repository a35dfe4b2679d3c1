"""The agency's page of daily files, and a session with it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from connectors.nta_downloads import Downloads, read_page
from pipeline.errors import SourceChanged, SourceUnavailable
from pipeline.model import Capture


@pytest.fixture(scope="module")
def page(reference: Path) -> bytes:
    folder = reference / "registries-jp" / "samples" / "nta-houjin"
    return (folder / "download_sabun_page_2022-11-01.html").read_bytes()


def _capture(body: bytes) -> Capture:
    return Capture(
        "jp.nta", "https://example.invalid/", datetime(2022, 11, 1, tzinfo=UTC), 200, "text/html", body
    )


def test_the_genuine_page_offers_forty_days_in_unicode(page: bytes, reference: Path) -> None:
    offered = read_page(_capture(page))
    assert len(offered.files) == 40
    assert max(offered.files) == date(2022, 11, 1)
    assert offered.action == "/download/sabun/index.html"
    assert offered.hidden["event"] == "download"
    # The list of file numbers has the first format of each day; the two others follow it.
    listed = reference / "registries-jp" / "samples" / "nta-houjin" / "sabun_file_numbers.csv"
    numbers = dict(line.split(",") for line in listed.read_text("utf-8").splitlines()[1:])
    for day, number in offered.files.items():
        assert int(number) == int(numbers[day.isoformat()]) + 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'id="appForm"', b'id="otherForm"'),
        (b'action="/download/sabun/index.html"', b'action="https://elsewhere.example/"'),
        (b"CNSFWTokenProcessor.request.token", b"CNSFWTokenProcessor.request.other"),
        (b'name="selDlFileNo"', b'name="fileNo"'),
        (b'id="csv-unicode"', b'id="csv-utf8"'),
        (b"doDownload(", b"fetchFile("),
        ("令和4年11月1日".encode(), "11月1日".encode()),
        ("令和4年10月31日".encode(), "令和4年11月1日".encode()),
    ],
)
def test_a_page_that_changed_is_never_one_without_files(page: bytes, old: bytes, new: bytes) -> None:
    assert old in page
    capture = _capture(page.replace(old, new))
    with pytest.raises(SourceChanged) as changed:
        read_page(capture)
    assert changed.value.sha256 == capture.sha256


@pytest.mark.parametrize("body", [b"", b"\0", b"<html>", b"\xff\xfe", b"{}"])
def test_what_is_no_page_is_a_changed_source(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        read_page(_capture(body))


@contextmanager
def site(page: bytes, files: dict[str, bytes]) -> Iterator[str]:
    """The download pages on this machine: a file only for the session whose token is sent back."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("text/html;charset=UTF-8", page, cookie="JSESSIONID=abc123; Path=/; HttpOnly")

        def do_POST(self) -> None:
            fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            token = "jp.go.nta.houjin_bangou.framework.web.common.CNSFWTokenProcessor.request.token"
            known = self.headers.get("Cookie") == "JSESSIONID=abc123" and token in fields
            body = files.get(fields["selDlFileNo"][0]) if known and fields["event"] == ["download"] else None
            if body is None:
                self._answer("text/html;charset=UTF-8", b"<html>The session has ended.</html>")
            else:
                self._answer("application/zip", body)

        def _answer(self, media_type: str, body: bytes, cookie: str = "") -> None:
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            if cookie:
                self.send_header("Set-Cookie", cookie)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_file_is_asked_for_in_the_session_of_the_page(page: bytes) -> None:
    number = read_page(_capture(page)).files[date(2022, 11, 1)]
    with site(page, {number: b"PK and so on"}) as base_url:
        downloads = Downloads(base_url=base_url)
        offered = downloads.page()
        assert downloads.file(offered, date(2022, 11, 1)) == b"PK and so on"
        with pytest.raises(SourceUnavailable) as refused:
            downloads.file(offered, date(2022, 10, 31))
        assert refused.value.reason == "wrong_media_type"
        downloads.close()
        stranger = Downloads(base_url=base_url)
        with pytest.raises(SourceUnavailable):
            stranger.file(offered, date(2022, 11, 1))
        stranger.close()
