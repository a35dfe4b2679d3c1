"""The lists without an interface, as pages for people: ISMAP, ISMS-AC, PrivacyMark, suspensions, J-Startup.

Their addresses and forms are those that the layouts of the connectors have; how the genuine pages look is not
known, so these show what the layouts expect and no more than that can be tried with them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from urllib.parse import parse_qs, unquote

from connectors.sandbox.registers import Reply, Request
from connectors.sandbox.registrations import Registrations

MEDIA_TYPE = "text/html"


class IsmapRegister:
    """``jp.ismap``: the two lists, each whole on one page."""

    source = "jp.ismap"
    base = "ismap"

    def __init__(self, registrations: Registrations) -> None:
        self._services = registrations.services

    def answer(self, path: str, query: str) -> Reply:
        """Answer ``csm`` with the list that ``id`` names. A page has no subject: all services are on it."""
        named = {"cloud_service_list": "ismap", "liu_cloud_service_list": "ismap-liu"}
        chosen = named.get(parse_qs(query).get("id", [""])[0])
        if path != "csm" or chosen is None:
            return Reply(404, MEDIA_TYPE, _page("ページが見つかりません", ""))
        headings = ("登録番号", "サービス名", "事業者名", "言明の対象範囲", "登録日",
                    "登録の有効期限", "更新申請日")  # fmt: skip
        rows = [
            (one.number, one.service, one.provider, one.scope, _day(one.since), _day(one.until),
             _day(one.renewal))
            for one in self._services
            if one.list == chosen
        ]  # fmt: skip
        content = f"<p>全<b>{len(rows)}</b>件</p>{_table(headings, rows)}"
        return Reply(200, MEDIA_TYPE, _page("クラウドサービスリスト", content))


class IsmsRegister:
    """``jp.isms``: a page for each certificate."""

    source = "jp.isms"
    base = "isms"

    def __init__(self, registrations: Registrations) -> None:
        self._certificates = registrations.certificates

    def answer(self, path: str, query: str) -> Reply:  # noqa: ARG002 - the address says it all
        """Answer ``lst/ind/CR_{number}.html``. The subject is the certificate number."""
        number = unquote(path.removeprefix("lst/ind/CR_").removesuffix(".html"))
        one = self._certificates.get(number)
        if one is None:
            body = _page("認証登録の検索", "<p>該当する認証登録はありません。</p>")
            return Reply(200, MEDIA_TYPE, body, (number,))
        lines = (
            ("認証登録番号", one.number), ("組織名称", one.company.name), ("認証基準", one.standard),
            ("認証機関", one.body), ("認証登録範囲", one.scope), ("初回登録日", _day(one.since)),
            ("有効期限", _day(one.until)),
        )  # fmt: skip
        return Reply(200, MEDIA_TYPE, _page("認証登録", _lines(lines)), (number,))


class PrivacyMarkRegister:
    """``jp.privacymark``: a page for each holder."""

    source = "jp.privacymark"
    base = "privacymark"

    def __init__(self, registrations: Registrations) -> None:
        self._marks = registrations.privacy_marks

    def answer(self, path: str, query: str) -> Reply:
        """Answer ``pmark/details`` for a ``login_number``, which is the subject."""
        number = parse_qs(query).get("login_number", [""])[0]
        if path != "pmark/details":
            return Reply(404, MEDIA_TYPE, _page("ページが見つかりません", ""), (number,))
        one = self._marks.get(number)
        if one is None:
            return Reply(
                200, MEDIA_TYPE, _page("付与事業者の検索", "<p>該当する事業者はありません。</p>"), (number,)
            )
        address = one.company.address.japanese
        lines = (
            ("登録番号", f"{one.number}({one.grants:02d})"), ("事業者名", one.company.name),
            ("所在地", address.prefecture if address else ""), ("業種", "情報サービス業"),
            ("有効期限", _day(one.until)), ("審査機関", "架空審査協会"), ("適用規格", "JIS Q 15001:2023"),
        )  # fmt: skip
        return Reply(200, MEDIA_TYPE, _page("付与事業者", _lines(lines)), (number,))


class SuspensionRegister:
    """``jp.suspension``: a search by name that is posted."""

    source = "jp.suspension"
    base = "suspension"
    methods = ("POST",)

    def __init__(self, registrations: Registrations) -> None:
        self._measures = registrations.measures

    def answer(self, path: str, query: str) -> Reply:
        """As to a form that says nothing."""
        return self.answer_request(Request("POST", path, query, {}))

    def answer_request(self, request: Request) -> Reply:
        """Answer a search: entries whose name holds the one asked for, which is the subject."""
        form = parse_qs(request.body.decode("ascii", "replace"))
        name = form.get("jigyousya", [""])[0]
        known = request.path == "nega-inf/cgi-bin/search.cgi" and form.get("jigyoubunya") == ["shimeiteishi"]
        if not known:
            return Reply(404, MEDIA_TYPE, _page("ページが見つかりません", ""), (name,))
        headings = ("措置年月日", "措置を行った者", "事業者名", "本社住所", "措置の内容", "指名停止開始日",
                    "指名停止終了日", "措置の理由")  # fmt: skip
        rows = [
            (_day(one.measured_on), one.authority, f"{one.name} ({one.number})" if one.number else one.name,
             one.address, one.measure, _day(one.since), _day(one.until), one.reason)
            for one in self._measures
            if name and _folded(name) in _folded(one.name)
        ]  # fmt: skip
        content = f"<p>検索結果：{len(rows)}件</p>{_table(headings, rows) if rows else ''}"
        return Reply(200, MEDIA_TYPE, _page("ネガティブ情報等検索サイト", content), (name,))


class StartupRegister:
    """``jp.startup``: the companies of J-Startup on one page."""

    source = "jp.startup"
    base = "startup"

    def __init__(self, registrations: Registrations) -> None:
        self._companies = registrations.startups["j-startup"]

    def answer(self, path: str, query: str) -> Reply:  # noqa: ARG002 - it has one page
        """Answer ``startups/``. A page has no subject: all companies are on it."""
        if path != "startups/":
            return Reply(404, MEDIA_TYPE, _page("ページが見つかりません", ""))
        rows = [(one.name, one.identifiers["JP-JCN"], _day(one.founded_on)) for one in self._companies]
        table = _table(("企業名", "法人番号", "設立日"), rows)
        return Reply(200, MEDIA_TYPE, _page("J-Startup企業一覧", f"<p>全{len(rows)}社</p>{table}"))


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _day(day: date | None) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if day else ""


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _lines(lines: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(head)}</th><td>{escape(value)}</td></tr>" for head, value in lines)
    return f"<table>{rows}</table>"


def _page(title: str, content: str) -> bytes:
    return (
        f'<!DOCTYPE html>\n<html lang="ja"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body><h1>{escape(title)}</h1>{content}</body></html>\n"
    ).encode()
