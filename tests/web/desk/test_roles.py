"""Every route of Flower's and of the desk's against every role."""

from __future__ import annotations

import pytest
from flower import urls
from tornado.web import url

from pipeline.people import Person, Role
from tests.web.desk.conftest import Desk

ANYBODY = {
    "/metrics",
    "/healthcheck",
    "/login",
    "/logout",
    "/reviews/choice",
    "/login/oidc",
    "/login/oidc/return",
}
READ_BY_POST = {"/tasks/datatable"}
"""A form that only reads."""
POSTS = {
    "/reviews/cases/SK-000000000/approve": Role.REVIEWER,
    "/reviews/policies": Role.OFFICER,
    "/reviews/policies/proposals/01900000-0000-7000-8000-000000000000": Role.OFFICER,
}
"""What the desk's forms take."""
ROLES = (None, *Role)


def routes() -> list[str]:
    """Each route as an address that fits it."""
    found = []
    for entry in urls.handlers:
        pattern = entry.regex.pattern if isinstance(entry, url) else entry[0]
        address = pattern.rstrip("$").replace("/?", "")
        for part, example in (
            ("(SK-[0-9A-Za-z]{9})", "SK-000000000"),
            ("(sha256:[0-9a-f]{64})", "sha256:" + "0" * 64),
            ("([0-9a-f-]{36})", "01900000-0000-7000-8000-000000000000"),
            ("([a-z_]{1,20})", "approve"),
            ("([a-z0-9-]{1,60})", "jp-national"),
            *((group, "x") for group in ("(.+)", "(.*)")),
        ):
            address = address.replace(part, example)
        assert "(" not in address, f"this test has no example for {pattern}"
        if "static" not in address and address != ".*":
            found.append(address)
    return found


def expected(address: str, method: str, role: Role | None) -> set[int]:
    """What somebody in this role may get: the page, whatever it finds; or that they may not."""
    through = {200, 302, 400, 404, 409, 422, 500, 503}  # 500: Flower without a broker
    if address in ANYBODY:
        return {*through, 401, 403, 405}
    if role is None:
        return {401} if method == "POST" or address.startswith("/api/") else {302}
    if address.startswith("/reviews"):
        if method == "GET":
            return {403, 405} if address.endswith("/approve") else through
        needed = POSTS.get(address)
        if needed is None:
            return {403, 405}
        return through if Person("ann", role).may(needed) else {403}
    if method == "GET" or address in READ_BY_POST:
        return {*through, 405} if role is Role.OPERATOR else {*through, 403}
    return {*through, 405} if role is Role.OPERATOR else {403}


@pytest.mark.parametrize("role", ROLES, ids=str)
def test_every_route_against_every_role(desk: Desk, role: Role | None) -> None:
    browser = desk.browser() if role is None else desk.signed_in("ann", role)
    for address in routes():
        for method in ("GET", "POST"):
            if address in {"/logout", "/reviews/password"} and method == "POST":
                continue
            if role is Role.OPERATOR and method == "POST" and address.startswith("/api/"):
                continue  # these reach for workers; the next test looks at one
            answer = browser.get(address) if method == "GET" else browser.post(address)
            assert answer.status_code in expected(address, method, role), (role, method, address, answer.text)


CONTROLS = [
    "/api/worker/shutdown/celery@nobody",
    "/api/worker/pool/grow/celery@nobody",
    "/api/task/revoke/00000000-0000-0000-0000-000000000000",
    "/api/task/rate-limit/publication",
    "/api/task/apply/publication",
    "/api/task/async-apply/publication",
    "/api/task/send-task/publication",
    "/api/task/abort/x",
]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER, Role.OFFICER], ids=str)
def test_only_an_operator_controls_workers_and_tasks(desk: Desk, role: Role) -> None:
    browser = desk.signed_in("ann", role)
    for address in CONTROLS:
        assert browser.post(address).status_code == 403, address


def test_an_operator_reaches_the_controls(desk: Desk) -> None:
    answer = desk.signed_in("ann", Role.OPERATOR).post("/api/worker/shutdown/celery@nobody")
    assert answer.status_code == 404, "there is no such worker, and Flower says so"
    assert "celery@nobody" in answer.text


def test_a_handler_that_the_table_does_not_know_takes_an_operator(desk: Desk) -> None:
    from flower.views import BaseHandler

    from web.desk.frame import gated

    class New(BaseHandler):  # type: ignore[misc]
        def get(self) -> None:
            self.write("done")

    desk.flower.add_handlers(".*", [("/new", gated(New))])
    assert desk.signed_in("ann", Role.OFFICER).get("/new").status_code == 403
    assert desk.signed_in("op", Role.OPERATOR).get("/new").text == "done"


def test_health_and_metrics_answer_anybody(desk: Desk) -> None:
    assert desk.browser().get("/healthcheck").text == "OK"
    assert desk.browser().get("/metrics").headers["Content-Type"] == "text/plain"
