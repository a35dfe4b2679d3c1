"""Award open data (落札実績オープンデータ) of the procurement portal (調達ポータル): a reader of its files.

The files are zips over CSV: UTF-8 with a byte order mark, every cell quoted, no header. Their columns were
read in genuine rows; the portal documents the codes. They are files to be fetched by whoever wants them, not
a source that is asked about one vendor. Source to be named: 調達ポータル. That a company is in none of them
proves nothing.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from connectors import strict
from connectors.strict import Unexpected

COLUMNS = ("case", "title", "awarded_on", "price", "ministry", "method", "winner", "corporate_number")


def read_awards(body: bytes) -> list[dict[str, Any]]:
    """The awards in a file.

    ``number`` (corporate number of the winner), ``winner``, ``case`` (19 digits), ``title``, ``awarded_on``,
    ``price_jpy`` (a text, as prices have decimals), ``ministry`` and ``method`` (codes of the portal). A
    winner without a corporate number may be a natural person: then neither is given.

    :raises Unexpected: when it is not in the shape of the files known.
    """
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Unexpected("the file is not CSV in UTF-8") from None
    if any(len(line) != len(COLUMNS) for line in lines):
        raise Unexpected("the lines are not the eight columns of an award")
    return [_award(dict(zip(COLUMNS, line, strict=True))) for line in lines]


def _award(cells: dict[str, str]) -> dict[str, Any]:
    if not re.fullmatch(r"[0-9]{1,18}(?:\.[0-9]{1,2})?", cells["price"], re.ASCII):
        raise Unexpected("price is not an amount")
    award = {
        "case": strict.digits(cells["case"], 19, "case"),
        "title": strict.text(cells["title"], "title"),
        "awarded_on": strict.day(cells["awarded_on"], "awarded_on"),
        "price_jpy": cells["price"],
        "ministry": strict.text(cells["ministry"], "ministry"),
        "method": strict.digits(cells["method"], 7, "method"),
    }
    if cells["corporate_number"]:
        award["number"] = strict.digits(cells["corporate_number"], 13, "corporate_number")
        award["winner"] = strict.text(cells["winner"], "winner")
    return award
