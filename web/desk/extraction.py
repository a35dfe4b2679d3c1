"""Finds what the pages say, and brings the catalogs up to date: ``python -m web.desk.extraction`` (``make
catalog``).

A template is compiled to Python first, so one extractor reads both. What is new stays empty in a catalog, and
what changed is marked fuzzy; a test fails until somebody has translated it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from tornado.template import Loader

from web.desk.language import CATALOGS, DOMAIN, ENGLISH, LANGUAGES

FOLDER = Path(__file__).parent
KEYWORDS = {"_": None, "translate": None}


def messages() -> Catalog:
    """Every sentence of the pages, with the file that says it; those with a plural as pairs."""
    found = Catalog(project="sekisho", domain=DOMAIN)
    for path, text in _sources():
        said: Any  # a text, or the arguments where there are several
        for _, _, said, _ in extract_python(io.BytesIO(text.encode()), KEYWORDS, (), {}):
            texts = [part for part in (said if isinstance(said, tuple) else (said,)) if part]
            if texts:
                found.add(texts[0] if len(texts) == 1 else (texts[0], texts[1]), locations=[(path, 0)])
    return found


def _sources() -> Iterator[tuple[str, str]]:
    loader = Loader(str(FOLDER / "templates"))
    for path in sorted((FOLDER / "templates").glob("*.html")):
        yield path.relative_to(FOLDER).as_posix(), loader.load(path.name).code
    for path in sorted(FOLDER.rglob("*.py")):
        yield path.relative_to(FOLDER).as_posix(), path.read_text("utf-8")


def catalog(code: str) -> Path:
    """The file of a language's catalog."""
    return CATALOGS / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def main() -> None:
    """Bring every catalog up to date."""
    for code in LANGUAGES.keys() - {ENGLISH.code}:
        path = catalog(code)
        kept = Catalog(locale=code, domain=DOMAIN)
        if path.exists():
            with path.open("rb") as file:
                kept = read_po(file, locale=code, domain=DOMAIN)
        kept.update(messages(), no_fuzzy_matching=True, keep_user_comments=False)
        kept.obsolete.clear()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, kept, width=110, sort_output=True, omit_header=True, include_lineno=False)


if __name__ == "__main__":
    main()
