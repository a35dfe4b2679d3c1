"""The desk's handlers: they read what a page needs, off the event loop, and hand it to a template."""

from __future__ import annotations

from tornado.web import url

from web.desk.handlers.cases import Acting, CapturePage, CasePage, RawCapture
from web.desk.handlers.proposals import Proposals
from web.desk.handlers.queue import NextCase, QueuePage

REFERENCE = r"(SK-[0-9A-Za-z]{9})"
DIGEST = r"(sha256:[0-9a-f]{64})"


def routes() -> list[url]:
    """The desk's routes, by their names."""
    return [
        url(r"/reviews", QueuePage, name="desk_queue"),
        url(r"/reviews/next", NextCase, name="desk_next"),
        url(r"/reviews/proposals", Proposals, name="desk_proposals"),
        url(rf"/reviews/cases/{REFERENCE}", CasePage, name="desk_case"),
        url(rf"/reviews/cases/{REFERENCE}/([a-z_]{{1,20}})", Acting, name="desk_act"),
        url(rf"/reviews/cases/{REFERENCE}/captures/{DIGEST}", CapturePage, name="desk_capture"),
        url(rf"/reviews/cases/{REFERENCE}/captures/{DIGEST}/raw", RawCapture, name="desk_raw_capture"),
    ]
