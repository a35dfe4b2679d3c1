"""Where a web server starts: ``uvicorn --factory web.main:app_factory``."""

from __future__ import annotations

from fastapi import FastAPI

from tasks import logs
from tasks.bootstrap import web_services
from web.app import create_app
from web.services import Services


def app_factory() -> FastAPI:
    """The application of this process, joined as the settings say."""
    logs.configure()
    joined = web_services()
    return create_app(Services.of(joined), joined.close)
