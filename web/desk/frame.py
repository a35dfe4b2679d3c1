"""How the desk is put into Flower 2.2: routes, templates, the tab, and the gate before every handler.

Flower has no documented place for pages of others. What is used of it is named here and in its contract test
(``tests/web/desk/test_flower_seams.py``), so that another Flower fails there and not at a reviewer:

- ``flower.urls.handlers`` and ``flower.urls.settings``, read when Flower makes its application;
- ``flower.views.BaseHandler``: its navigation, error pages and ``url_prefix``;
- ``flower.utils.tasks.search_tasks`` over ``application.events``: the tasks of a case;
- ``auth_provider``, Flower's documented option for another login;
- two places in its templates (:data:`INSERTIONS`), without which there is no tab and no link, but all else
  works.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import structlog
from flower import urls
from flower.api import control, tasks, workers
from flower.views import auth, monitor
from flower.views.broker import BrokerView
from flower.views.error import NotFoundErrorHandler
from flower.views.tasks import TasksDataTable, TasksView, TaskView
from flower.views.workers import WorkersView, WorkerView
from tornado import template
from tornado.web import RequestHandler, StaticFileHandler, url

from pipeline.people import Role
from web.desk.gate import Gate
from web.desk.handlers import routes
from web.desk.page import Choice
from web.desk.services import DeskServices
from web.desk.sign_in import AtProvider, FromProvider, Password, SignOut

log = structlog.get_logger()

OPTIONS: Final[dict[str, Any]] = {
    # Whom Flower itself would let in, should one of its handlers ever be reached past the gate. Nobody has
    # this name; that there is one turns Flower's own protections on.
    "auth": "nobody@sekisho.invalid",
    "auth_provider": "web.desk.sign_in.SignIn",
}
"""Flower's options that have it ask the desk who somebody is."""

OPEN: Final = frozenset({monitor.Metrics, monitor.Healthcheck, StaticFileHandler, auth.LoginHandler})
"""Without the gate: no case is in them. ``LoginHandler`` makes what ``auth_provider`` names."""

_READ: Final[dict[str, Role | None]] = {"GET": Role.VIEWER, "HEAD": Role.VIEWER}

READING: Final[dict[type[RequestHandler], dict[str, Role | None]]] = {
    **dict.fromkeys((WorkersView, WorkerView, TaskView, TasksView, BrokerView), _READ),
    TasksDataTable: {**_READ, "POST": Role.VIEWER},
    **dict.fromkeys((workers.ListWorkers, tasks.ListTasks, tasks.ListTaskTypes, tasks.TaskInfo), _READ),
    **dict.fromkeys((tasks.GetQueueLengths, tasks.TaskResult), _READ),
    NotFoundErrorHandler: {"GET": None, "POST": None},
}
"""What is no control of workers or tasks. Every other handler and method of Flower's takes an operator."""

CONTROLLING: Final = frozenset(
    {
        *(
            control.WorkerShutDown,
            control.WorkerPoolRestart,
            control.WorkerPoolGrow,
            control.WorkerPoolShrink,
        ),
        *(control.WorkerPoolAutoscale, control.WorkerQueueAddConsumer, control.WorkerQueueCancelConsumer),
        *(control.TaskTimout, control.TaskRateLimit, control.TaskRevoke),
        *(tasks.TaskApply, tasks.TaskAsyncApply, tasks.TaskSend, tasks.TaskAbort),
    }
)
"""What an operator does; named so that the contract test sees what another Flower adds."""

TEMPLATES: Final = Path(__file__).with_name("templates")
STATIC: Final = Path(__file__).with_name("static")

INSERTIONS: Final = {
    "navbar.html": (
        """{% if active_tab == 'broker' %}aria-current="page"{% end %}>Broker</a>\n        </li>\n""",
        """{% module Template("desk_tab.html", active_tab=active_tab) %}\n""",
    ),
    "task.html": (
        """<div class="detail-actions">\n""",
        """{% module Template("desk_task.html", task=task) %}\n""",
    ),
}
"""For each of Flower's templates: after which text which text is put."""


class Templates(template.Loader):
    """Our templates, then Flower's with our insertions."""

    def __init__(self) -> None:
        super().__init__(str(TEMPLATES))
        self._flowers = Path(urls.settings["template_path"])

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:  # noqa: ARG002 - Tornado's signature
        """All templates are in one folder, or the other."""
        return name

    def _create_template(self, name: str) -> template.Template:
        ours = TEMPLATES / name
        path = ours if ours.is_file() else self._flowers / name
        text = path.read_text(encoding="utf-8")
        if path is not ours and name in INSERTIONS:
            text = inserted(name, text)
        return template.Template(text, name=name, loader=self)


def inserted(name: str, text: str) -> str:
    """One of Flower's templates with our insertion; as it was where the place is not found."""
    after, what = INSERTIONS[name]
    if text.count(after) != 1:
        log.warning("desk.no_place", template=name)
        return text
    return text.replace(after, after + what)


def build(services: DeskServices) -> None:
    """Put the desk into the Flower of this process; once more, and it has these services."""
    if "desk" not in urls.settings:
        urls.handlers[:] = [*_ours(), *(_guarded(entry) for entry in urls.handlers)]
    urls.settings |= {
        "desk": services,
        "template_loader": Templates(),
        "xsrf_cookie_kwargs": {
            "samesite": "Lax",
            "secure": services.settings.desk_url.startswith("https://"),
        },
    }


def _ours() -> list[url]:
    return [
        url(r"/login/oidc", AtProvider, name="desk_oidc"),
        url(r"/login/oidc/return", FromProvider, name="desk_oidc_return"),
        url(r"/reviews/password", Password, name="desk_password"),
        url(r"/reviews/choice", Choice, name="desk_choice"),
        url(r"/reviews/static/(.*)", StaticFileHandler, {"path": str(STATIC)}, name="desk_static"),
        *routes(),
    ]


def _guarded(entry: Any) -> Any:
    """A route of Flower's with the gate before its handler."""
    if isinstance(entry, url):
        handler = gated(entry.handler_class)
        return url(entry.regex.pattern, handler, entry.kwargs, entry.name)
    pattern, handler, *rest = entry
    return (pattern, gated(handler), *rest)


def gated(handler: type[RequestHandler]) -> type[RequestHandler]:
    """A handler behind the gate, or the one that takes its place."""
    if handler in OPEN:
        return handler
    if handler is auth.LogoutHandler:
        return SignOut
    return type(handler.__name__, (Gate, handler), {"needs": READING.get(handler, {})})
