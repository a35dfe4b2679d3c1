"""Tables that officers read, and the two forms that they take besides the terminal: Markdown and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a title. A cell may have several lines."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
body{font-family:system-ui,"Hiragino Sans","Noto Sans JP",sans-serif;margin:2rem;color:#1a1a1c}
table{border-collapse:collapse;margin:0 0 2rem;width:100%}
th,td{border:1px solid #949494;padding:.4rem .6rem;text-align:left;vertical-align:top;white-space:pre-line}
th{background:#f1f1f4}caption{text-align:left;font-weight:bold;padding:.4rem 0}
"""


def markdown(title: str, lead: Sequence[str], sheets: Sequence[Sheet]) -> str:
    """A page in Markdown (GitHub tables)."""
    parts = [f"# {_cell(title)}", *(_cell(line) for line in lead)]
    for sheet in sheets:
        head = "| " + " | ".join(map(_cell, sheet.columns)) + " |"
        rule = "|" + " --- |" * len(sheet.columns)
        rows = ["| " + " | ".join(map(_cell, row)) + " |" for row in sheet.rows]
        parts += [f"## {_cell(sheet.title)}", "\n".join([head, rule, *rows])]
    return "\n\n".join(parts) + "\n"


def html(title: str, lead: Sequence[str], sheets: Sequence[Sheet], language: str) -> str:
    """A page in HTML that needs nothing besides itself."""
    body = "".join(f"<p>{escape(line)}</p>\n" for line in lead)
    return html_page(title, body + "".join(map(html_table, sheets)), language)


def html_page(title: str, body: str, language: str) -> str:
    """The frame of a page. ``body`` is HTML."""
    return page_head(title, language) + body + PAGE_FOOT


def page_head(title: str, language: str) -> str:
    """How a page begins, for those that are written piece by piece."""
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_NOTHING_ELSE}">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
    )


PAGE_FOOT = "</body>\n</html>\n"


def html_table(sheet: Sheet) -> str:
    """One table in HTML."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in sheet.columns)
    return (
        f"<table>\n<caption>{escape(sheet.title)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "".join(map(html_row, sheet.rows))
        + "</tbody>\n</table>\n"
    )


def html_row(row: Sequence[str]) -> str:
    """One row in HTML."""
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n"


def _cell(text: str) -> str:
    """A text as it stands in Markdown without becoming markup."""
    safe = escape(text, quote=False)
    for sign in "\\`*_[]|#":
        safe = safe.replace(sign, "\\" + sign)
    return "<br>".join(safe.splitlines())
