"""Who gets in, how long, and what those who guess learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from pipeline.people import Role
from tasks.accounts import LOCKED_FOR, MOST_ATTEMPTS
from tests.web.desk.conftest import PASSWORD, Desk

ELSEWHERE = ("https://evil.example/", "//evil.example/", "/\\evil.example")


def test_whoever_knows_the_password_gets_in_and_is_named(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.REVIEWER)
    page = browser.get("/reviews")
    assert page.status_code == 200
    assert "<strong>ann</strong> (reviewer)" in page.text


def test_names_have_one_form(desk: Desk) -> None:
    desk.person("ann@city.example", Role.VIEWER)
    assert desk.browser().sign_in("  Ａｎｎ@City.example ").status_code == 302


def test_one_is_led_back_to_where_one_wanted_to_go_on_this_host_only(desk: Desk) -> None:
    desk.person("ann", Role.VIEWER)
    asked = desk.browser().get("/reviews?state=referred")
    assert asked.headers["Location"] == "/login?next=%2Freviews%3Fstate%3Dreferred"
    answer = desk.browser().post("/login", name="ann", password=PASSWORD, next="/reviews?state=referred")
    assert answer.headers["Location"] == "/reviews?state=referred"
    for elsewhere in ELSEWHERE:
        answer = desk.browser().post("/login", name="ann", password=PASSWORD, next=elsewhere)
        assert answer.headers["Location"] == "/reviews"


def test_unknown_names_wrong_passwords_locked_and_disabled_accounts_get_one_answer(desk: Desk) -> None:
    for name in ("ann", "locked", "gone"):
        desk.person(name, Role.VIEWER)
    desk.accounts.add("provider-only", Role.VIEWER, "")
    desk.accounts.disable("gone")
    for _ in range(MOST_ATTEMPTS):
        desk.browser().sign_in("locked", "wrong wrong wrong")
    answers = set()
    for name, password in (
        *(("ann", "wrong wrong wrong"), ("nobody", PASSWORD), ("locked", PASSWORD)),
        *(("gone", PASSWORD), ("provider-only", PASSWORD), ("", ""), ("a b", "x")),
    ):
        browser = desk.browser()
        answer = browser.sign_in(name, password)
        answers.add((answer.status_code, re.sub(r'name="_xsrf" value="[^"]*"', "", answer.text)))
        assert "sekisho_session" not in browser.client.cookies
    [(status, text)] = answers
    assert status == 403
    assert "is not right" in text


def test_a_lock_ends_by_itself_and_a_right_password_forgets_the_wrong_ones(desk: Desk) -> None:
    desk.person("ann", Role.VIEWER)
    for _ in range(MOST_ATTEMPTS - 1):
        desk.browser().sign_in("ann", "wrong wrong wrong")
    assert desk.browser().sign_in("ann").status_code == 302
    for _ in range(MOST_ATTEMPTS):
        desk.browser().sign_in("ann", "wrong wrong wrong")
    assert desk.browser().sign_in("ann").status_code == 403
    desk.clock.advance(LOCKED_FOR)
    assert desk.browser().sign_in("ann").status_code == 302


def test_a_session_ends_by_itself_by_sign_out_and_with_the_account(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.VIEWER)
    for _ in range(12):
        desk.clock.advance(timedelta(minutes=59))
        assert browser.get("/reviews").status_code == 200
    desk.clock.advance(timedelta(minutes=59))
    assert browser.get("/reviews").status_code == 302, "twelve hours are over"

    idle = desk.signed_in("ann", Role.VIEWER)
    desk.clock.advance(timedelta(minutes=61))
    assert idle.get("/reviews").status_code == 302

    left = desk.signed_in("ann", Role.VIEWER)
    stolen = dict(left.client.cookies)
    assert left.post("/logout").status_code == 302
    left.client.cookies.update(stolen)
    assert left.get("/reviews").status_code == 302

    barred = desk.signed_in("ann", Role.VIEWER)
    desk.accounts.disable("ann")
    assert barred.get("/reviews").status_code == 302
    assert barred.get("/tasks").status_code == 302
    assert barred.get("/api/tasks").status_code == 401


def test_a_link_signs_nobody_out(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.VIEWER)
    assert browser.get("/logout").status_code == 200
    assert browser.get("/reviews").status_code == 200


def test_a_cookie_that_we_did_not_sign_is_none(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.VIEWER)
    cookie = browser.client.cookies["sekisho_session"]
    forger = desk.browser()
    forger.client.cookies.set("sekisho_session", cookie[:-1] + ("0" if cookie[-1] != "0" else "1"))
    assert forger.get("/reviews").status_code == 302
    # Nor does the cookie that Flower's own login would have.
    forger.client.cookies.set("user", "nobody@sekisho.invalid")
    assert forger.get("/tasks").status_code == 302
    # Nor a header of the login that there used to be.
    assert forger.client.get("/tasks", auth=("ann", PASSWORD)).status_code == 302


def test_a_password_that_somebody_else_knows_is_changed_first(desk: Desk) -> None:
    desk.accounts.add("ann", Role.REVIEWER, PASSWORD)
    browser = desk.browser()
    browser.sign_in("ann")
    for path in ("/reviews", "/tasks"):
        assert browser.get(path).headers["Location"] == "/reviews/password"
    new = "another long password"
    for old, first, again, said in (
        ("wrong wrong wrong", new, new, "is not right"),
        (PASSWORD, new, new + "x", "differ"),
        (PASSWORD, "tooshort!", "tooshort!", "at least 12"),
        (PASSWORD, PASSWORD, PASSWORD, "another password"),
        (PASSWORD, "my name is ann!", "my name is ann!", "neither"),
        (PASSWORD, "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "neither"),
    ):
        answer = browser.post("/reviews/password", old=old, new=first, again=again)
        assert answer.status_code == 422
        assert said in answer.text
        assert first not in answer.text
    other = desk.browser()
    other.sign_in("ann")
    assert browser.post("/reviews/password", old=PASSWORD, new=new, again=new).status_code == 302
    assert browser.get("/reviews").status_code == 200
    assert other.get("/reviews").headers["Location"].startswith("/login"), "its other sessions are over"
    assert desk.browser().sign_in("ann").status_code == 403
    assert desk.browser().sign_in("ann", new).status_code == 302


def test_another_role_counts_from_the_next_page_on(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.OPERATOR)
    assert browser.get("/reviews").status_code == 200
    desk.accounts.set_role("ann", Role.VIEWER)
    assert "(viewer)" in browser.get("/reviews").text


def test_cookies_travel_by_https_only_where_the_desk_has_an_address_so(
    open_desk: Callable[..., Desk],
) -> None:
    for url, secure in (("https://desk.example", True), ("", False)):
        desk = open_desk(desk_url=url)
        form = {"name": desk.person("ann", Role.VIEWER), "password": PASSWORD}
        client = desk.browser().client
        client.get("/login")
        token = client.cookies["_xsrf"]
        # As behind a proxy: the browser speaks HTTPS with that one, and sends the cookie.
        answer = client.post("/login", data={"_xsrf": token, **form}, headers={"Cookie": f"_xsrf={token}"})
        [cookie] = [one for one in answer.headers.get_list("Set-Cookie") if "sekisho_session" in one]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert ("Secure" in cookie) is secure


@pytest.mark.parametrize("path", ["/login", "/logout", "/reviews/password", "/reviews/choice"])
def test_no_form_is_taken_without_its_token_or_from_another_site(desk: Desk, path: str) -> None:
    browser = desk.signed_in("ann", Role.OFFICER)
    token = browser.client.cookies["_xsrf"]
    assert browser.client.post(path, data={"language": "ja"}).status_code == 403
    # Flower itself takes a request with an Authorization header for one without cookies.
    assert browser.client.post(path, headers={"Authorization": "Bearer x"}).status_code == 403
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert browser.client.post(path, data={"_xsrf": token}, headers=headers).status_code == 403


def test_what_happens_to_accounts_is_in_the_journal_without_passwords(desk: Desk) -> None:
    account = desk.accounts.add("ann", Role.VIEWER, PASSWORD, must_change=False)
    desk.browser().sign_in("ann")
    for _ in range(MOST_ATTEMPTS):
        desk.browser().sign_in("ann", "wrong wrong wrong")
    desk.accounts.set_role("ann", Role.OFFICER)
    desk.accounts.reset("ann", "yet another password")
    desk.accounts.disable("ann")
    with desk.memory.read() as tx:
        events = tx.journal.of_case(account.id)
    assert [event.name for event in events] == [
        *("account.added", "account.signed_in", "account.locked", "account.role"),
        *("account.password_reset", "account.disabled"),
    ]
    assert [dict(event.data) for event in events if event.data] == [{"role": "viewer"}, {"role": "officer"}]
