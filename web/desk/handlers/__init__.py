"""The desk's handlers: they read what a page needs, off the event loop, and hand it to a template."""

from __future__ import annotations

from tornado.web import url

from web.desk.handlers.cases import Acting, CapturePage, CasePage, RawCapture
from web.desk.handlers.policies import BacktestPage, PackPage, Policies, ProposalPage
from web.desk.handlers.proposals import Proposals
from web.desk.handlers.queue import NextCase, QueuePage
from web.desk.handlers.stages import Pipeline

REFERENCE = r"(SK-[0-9A-Za-z]{9})"
PACK = r"([a-z0-9-]{1,60})"
ID = r"([0-9a-f-]{36})"
DIGEST = r"(sha256:[0-9a-f]{64})"


def routes() -> list[url]:
    """The desk's routes, by their names."""
    return [
        url(r"/reviews", QueuePage, name="desk_queue"),
        url(r"/reviews/next", NextCase, name="desk_next"),
        url(r"/reviews/proposals", Proposals, name="desk_proposals"),
        url(r"/reviews/pipeline", Pipeline, name="desk_pipeline"),
        url(r"/reviews/policies", Policies, name="desk_policies"),
        url(rf"/reviews/policies/packs/{PACK}", PackPage, name="desk_pack"),
        url(rf"/reviews/policies/proposals/{ID}", ProposalPage, name="desk_proposal"),
        url(rf"/reviews/policies/proposals/{ID}/backtest", BacktestPage, name="desk_backtest"),
        url(rf"/reviews/cases/{REFERENCE}", CasePage, name="desk_case"),
        url(rf"/reviews/cases/{REFERENCE}/([a-z_]{{1,20}})", Acting, name="desk_act"),
        url(rf"/reviews/cases/{REFERENCE}/captures/{DIGEST}", CapturePage, name="desk_capture"),
        url(rf"/reviews/cases/{REFERENCE}/captures/{DIGEST}/raw", RawCapture, name="desk_raw_capture"),
    ]
