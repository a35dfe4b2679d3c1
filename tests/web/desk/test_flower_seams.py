"""What the desk relies on in Flower, none of it documented but ``auth_provider``: another Flower fails
here.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version
from pathlib import Path

import pytest
from flower import api, urls
from flower.app import Flower, rewrite_handler
from flower.events import Events
from flower.options import default_options
from flower.utils import tasks
from flower.views import BaseHandler, auth
from tornado.web import StaticFileHandler, url

from tests.web.desk.conftest import Desk
from web.desk import frame
from web.desk.gate import Gate

FLOWER = "2.2"
"""The version that this was read and tried with."""


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("flower").startswith(f"{FLOWER}."), "read the new one, and this file"


def test_handlers_and_settings_are_read_when_the_application_is_made() -> None:
    assert isinstance(urls.handlers, list)
    assert isinstance(urls.settings, dict)
    source = inspect.getsource(Flower.__init__)
    assert "handlers = default_handlers" in source
    assert "self.executor = " in source
    assert "entry.name" not in inspect.getsource(rewrite_handler)
    assert "handler.name" in inspect.getsource(rewrite_handler), "a name survives url_prefix"


def test_every_handler_of_flowers_is_known_and_stands_behind_the_gate(desk: Desk) -> None:
    known = frame.OPEN | frame.READING.keys() | frame.CONTROLLING | {auth.LogoutHandler}
    for entry in urls.handlers:
        handler = entry.handler_class if isinstance(entry, url) else entry[1]
        if handler.__module__.startswith("web.desk.") and handler.__bases__[0] is not Gate:
            continue
        own = [base for base in handler.__mro__ if base.__module__.startswith("flower.")]
        first = own[0] if own else handler
        if first is BaseHandler:
            continue
        if issubclass(handler, Gate):
            original = handler.__bases__[1]
            assert original in known, f"{original} is new: does it read or control?"
            assert set(handler.needs) <= {"GET", "HEAD", "POST"}
        else:
            assert handler in frame.OPEN, f"{handler} is open to anybody"
    assert StaticFileHandler in frame.OPEN


@pytest.mark.parametrize(
    "name",
    ["get_current_user", "check_xsrf_cookie", "write_error", "render", "set_default_headers", "get_argument"],
)
def test_the_base_handler_has_what_the_gate_overrides_or_calls(name: str) -> None:
    assert name in vars(BaseHandler)
    assert "prepare" not in vars(BaseHandler)
    assert "prepare" in vars(api.BaseApiHandler)


def test_another_login_is_an_option() -> None:
    assert {"auth", "auth_provider", "read_only", "cookie_secret", "tasks_columns"} <= set(
        default_options.as_dict()
    )
    assert "options.auth_provider" in inspect.getsource(auth.LoginHandler.__new__)
    assert callable(auth.is_safe_redirect)


@pytest.mark.parametrize("name", sorted(frame.INSERTIONS))
def test_the_places_of_our_insertions_are_there(name: str) -> None:
    text = (Path(urls.settings["template_path"]) / name).read_text(encoding="utf-8")
    assert frame.inserted(name, text) != text


def test_none_of_our_templates_hides_one_of_flowers() -> None:
    flowers = {path.name for path in Path(urls.settings["template_path"]).glob("*.html")}
    assert flowers & {path.name for path in frame.TEMPLATES.glob("*.html")} == set()


@pytest.mark.parametrize(
    "name",
    ["favicon.ico", "js/theme.js", "js/bootstrap.bundle.min.js", "css/bootstrap.min.css", "css/flower.css"],
)
def test_the_files_of_the_frame_are_there(name: str) -> None:
    assert (Path(urls.settings["static_path"]) / name).is_file()


def test_the_style_has_the_variables_that_ours_uses() -> None:
    style = (Path(urls.settings["static_path"]) / "css/flower.css").read_text(encoding="utf-8")
    for variable in ("--flower-surface", "--flower-surface-subtle", "--flower-active", "--flower-success"):
        assert f"{variable}:" in style
    assert '[data-bs-theme="dark"]' in style


def test_the_navigation_takes_a_tab_and_asks_for_nothing_else() -> None:
    text = (Path(urls.settings["template_path"]) / "navbar.html").read_text(encoding="utf-8")
    assert "active_tab == 'workers'" in text
    assert "reverse_url('logout')" in text
    assert "handler.application.options.auth and current_user" in text


def test_the_tasks_of_a_case_can_be_searched_for() -> None:
    assert {"limit", "sort_by", "descending", "search"} <= set(
        inspect.signature(tasks.search_tasks).parameters
    )
    assert "state" in inspect.getsource(Events.__init__)
