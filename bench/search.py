"""``python -m bench.search``: the buyers' search over invented listings, three facets and every count.

Questions are drawn anew, so that no answer is remembered from before: words or none, and three facets. What
is timed is the whole answer, a page of listings with their documents and how many each value of each facet
would leave, and then the page of it as HTML. The CPU that an answer takes says more on a shared machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from bench.machines import postgres
from bench.report import Table, percentile
from catalog.client import Change, Kind, canonical
from catalog.index import Index
from catalog.languages import language
from catalog.pages import Pages
from catalog.search import Question, Search

DAY = date(2026, 11, 30)
AT = datetime(2026, 11, 30, tzinfo=UTC)
BATCH = 500
_WORDS = """
会計 財務 予算 決算 住民 学校 図書 観光 防災 避難 道路 水道 農地 森林 漁港 保育 介護 医療 統計 地図 写真 文書
契約 入札 審査 申請 届出 窓口 予約 会議 録画 議事 通知 期限 工程 案件 課題 開発 試験 監視 分析 集計 画面 帳票
"""
_KANA = (
    "あおぞら いざよい うるま えちご かささぎ くじゃく こだま さざなみ すずめ ちくし なぎさ ほしぞら みなと"
)
WORDS = _WORDS.split()
KANA = _KANA.split()
SUMMARY = "{a}と{b}を一つの画面で扱い、{c}の{d}を担当に知らせます。{e}の記録は後から確かめられます。"
CATEGORIES = ("chat", "web-meeting", "data-analysis", "accounting", "development-tools", "project-management")
PLACES = (["JP"], ["JP"], ["JP"], ["DE", "JP"], ["IE"], ["GB"], ["US"])
FACETS: Sequence[tuple[str, Sequence[str]]] = (
    ("category", CATEGORIES),
    ("residency", ("jp-only", "jp", "jp-eea", "jp-eea-gb")),
    ("certificate", ("ismap", "ismap-liu", "iso27001", "privacymark")),
    ("buyer", ("kobe-city", "tokyo-metropolitan")),
    ("exit", ("free-to-leave", "open-format", "retrieval-60")),
    ("company", ("maker", "reseller", "startup", "sme")),
    ("deployment", ("public-cloud", "private-cloud", "lgwan-asp")),
    ("prefecture", tuple(f"JP-{number:02d}" for number in range(1, 48))),
)


def main(arguments: list[str] | None = None) -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--listings", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument(
        "--quick", action="store_true", help="5,000 listings, 200 questions: to see that it runs"
    )
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    options = parser.parse_args(arguments)
    count, questions = (5_000, 200) if options.quick else (options.listings, options.questions)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sekisho-bench-")))
        places = {"sqlite": f"sqlite:///{folder}/catalog.db"}
        if options.postgres:
            places["postgresql"] = stack.enter_context(postgres(folder)).replace(
                "postgresql://", "postgresql+psycopg://"
            )
        measured = [measure(name, url, count, questions) for name, url in places.items()]
    if options.json:
        print(json.dumps({"search": measured}))
    else:
        print(table(measured).markdown())
    return 0


def measure(name: str, url: str, count: int, questions: int) -> dict[str, Any]:
    """Fill an index and ask it."""
    index = Index(url)
    began = time.perf_counter()
    documents = listings(count)
    position = 0
    while batch := list(islice(documents, BATCH)):
        changes = [_change(position + number, document) for number, document in enumerate(batch, 1)]
        position += len(changes)
        index.apply(changes, position)
        print(f"{name}: {position} of {count}", end="\r", file=sys.stderr)
    filled = time.perf_counter() - began
    began = time.perf_counter()
    search = Search(index)
    search.state(DAY)
    loaded = time.perf_counter() - began
    pages = Pages(language("ja"))
    asked = {
        "three facets": _questions(questions, words=0),
        "three facets and a word": _questions(questions, words=1),
        "three facets and two words": _questions(questions, words=2),
    }
    found: dict[str, Any] = {}
    for kind, drawn in asked.items():
        answers: list[float] = []
        rendered: list[float] = []
        worked: list[float] = []
        for question in drawn:
            began, busy = time.perf_counter(), time.thread_time()
            hits = search.hits(question, DAY)
            stored = index.stored(hits.rows)
            answers.append((time.perf_counter() - began) * 1000)
            worked.append((time.thread_time() - busy) * 1000)
            _render(pages, question, hits, stored)
            rendered.append((time.perf_counter() - began) * 1000)
        found[kind] = {
            "p50_ms": percentile(answers, 50),
            "p99_ms": percentile(answers, 99),
            "cpu_p50_ms": percentile(worked, 50),
            "cpu_p99_ms": percentile(worked, 99),
            "page_p50_ms": percentile(rendered, 50),
            "page_p99_ms": percentile(rendered, 99),
        }
    index.close()
    return {
        "database": name,
        "listings": count,
        "questions": questions,
        "filled_per_second": count / filled,
        "loaded_seconds": loaded,
        "search": found,
    }


def listings(count: int) -> Iterator[dict[str, Any]]:
    """Invented listings, the same every time."""
    dice = random.Random(20261130)
    for number in range(count):
        id_ = str(UUID(int=(0x0190 << 112) | (0x7 << 76) | (0x8 << 60) | number))
        words = dice.sample(WORDS, 5)
        name = f"{dice.choice(KANA)}{words[0]}{number}"
        region = f"JP-{dice.randint(1, 47):02d}"
        direct = dice.random() < 0.7
        summary = SUMMARY.format(**dict(zip("abcde", words, strict=True)))
        seller = {
            "name": f"株式会社{dice.choice(KANA)}{number % 9973}",
            "country": "JP",
            "identifiers": [{"scheme": "JP-JCN", "id": f"{number:013d}"}],
            "role": "direct" if direct else "reseller",
            "offices": [{"country": "JP", "region": region}],
            "sme": dice.random() < 0.6,
        }
        yield {
            "schema": "listing/2",
            "id": id_,
            "version": 1,
            "case": "SK-0123456AB",
            "seller": seller,
            "maker": {"name": seller["name"], "country": "JP", "is_seller": direct},
            "product": {
                "code": f"p{number}",
                "name": {"ja": name, "en": f"Product {number}"},
                "summary": {"ja": summary * 3, "en": f"Handles matter {number} on one screen. " * 3},
                "category": dice.choice(CATEGORIES),
                "deployment": [dice.choice(["public-cloud", "private-cloud", "lgwan-asp"])],
                "languages": ["ja"] if dice.random() < 0.6 else ["ja", "en"],
                "prices": [{"plan": "標準", "amount_jpy": dice.randint(1, 900) * 100, "per": "user-month"}],
            },
            "certifications": [{"type": "ISO27001", "valid_to": f"202{dice.randint(7, 9)}-03-31"}],
            "ismap": {"list": dice.choice(["ismap", "ismap-liu", "none", "none"]), "valid_to": "2027-09-30"},
            "data": [{"class": "content", "at_rest": (at := dice.choice(PLACES)), "processing": at}],
            "contract": {"governing_law": "JP", "court": "JP"},
            "support_access": at,
            "portability": {
                "formats": [dice.choice(["csv", "json", "own"])],
                "retrieval_days": dice.choice([10, 30, 90]),
                "exit_fee_disclosed": dice.random() < 0.8,
            },
            "startup": {"mark": dice.random() < 0.1},
            "buyers": [
                {"buyer": buyer, "verdict": "approve" if dice.random() < 0.6 else "review", "reasons": []}
                for buyer in ("kobe-city", "tokyo-metropolitan")
            ],
            "origins": {"": {"status": "declared"}},
            "verified": [],
            "decision": {"decided_at": f"2026-{dice.randint(1, 11):02d}-{dice.randint(1, 28):02d}T00:00:00Z"},
            "data_as_of": "2026-11-30T00:00:00Z",
        }


def _change(position: int, document: dict[str, Any]) -> Change:
    digest = "sha256:" + hashlib.sha256(canonical(document)).hexdigest()
    return Change(position, Kind.PUBLISHED, document["id"], 1, AT, None, digest, document)


def _questions(count: int, words: int) -> Iterator[Question]:
    dice = random.Random(words)
    for _ in range(count):
        parameters = [("q", " ".join(_word(dice) for _ in range(words)))] if words else []
        parameters += [(name, dice.choice(codes)) for name, codes in dice.sample(FACETS, 3)]
        parameters.append(("sort", dice.choice(["match", "name", "new", "price"])))
        yield Question.from_parameters(parameters)


def _word(dice: random.Random) -> str:
    """A word of two signs, a longer one, or a number: common and rare."""
    makers: Sequence[Callable[[], str]] = (
        lambda: dice.choice(WORDS),
        lambda: dice.choice(KANA) + dice.choice(WORDS),
        lambda: dice.choice(WORDS) + "を一つの",
        lambda: str(dice.randint(100, 99_999)),
    )
    return dice.choice(makers)()


def _render(pages: Pages, question: Question, hits: Any, stored: Any) -> str:
    return pages.render(
        "search.html",
        here="/",
        position=hits.position,
        today=DAY,
        public_url="",
        title="Find software",
        question=question,
        hits=hits,
        found=stored,
    )


def table(measured: list[dict[str, Any]]) -> Table:
    """The figures for people."""
    rows = [
        [
            one["database"],
            f"{one['listings']:,}",
            kind,
            f"{times['p50_ms']:.1f}",
            f"{times['p99_ms']:.1f}",
            f"{times['cpu_p50_ms']:.1f}",
            f"{times['cpu_p99_ms']:.1f}",
            f"{times['page_p50_ms']:.1f}",
            f"{times['page_p99_ms']:.1f}",
            f"{one['filled_per_second']:.0f}",
            f"{one['loaded_seconds']:.1f}",
        ]
        for one in measured
        for kind, times in one["search"].items()
    ]
    columns = [
        "database",
        "listings",
        "question",
        "answer p50 ms",
        "p99 ms",
        "its CPU p50 ms",
        "p99 ms",
        "page p50 ms",
        "p99 ms",
        "filled /s",
        "loaded s",
    ]
    return Table("Search for buyers", columns, rows)


if __name__ == "__main__":
    sys.exit(main())
