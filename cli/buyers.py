"""``sekisho catalog serve`` and ``sekisho catalog selection``: the buyers' site, and what its records are
worth.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import Command, Exit, Failure, as_json, emit, language, state_folder
from cli.state import StateFolder

if TYPE_CHECKING:
    from catalog.index import Index

FINDINGS = {
    "not_a_record": ("選定記録ではありません。", "This is no selection record."),
    "digest": ("記録が作成後に書き換えられています。", "The record was changed after it was made."),
    "reading": (
        "記録を作った版とは掲載内容の読み方が異なります。",
        "It was made by a release that reads listings otherwise.",
    ),
    "catalog": (
        "その位置のカタログは、記録の示すものと異なります。",
        "The catalog at this position is not the one that the record names.",
    ),
    "long_list": ("同じ条件で得られる一覧と異なります。", "The same criteria give another long list."),
    "requirements": (
        "要件による除外が、再計算した結果と異なります。",
        "What was left out by a requirement is not what the requirement leaves out.",
    ),
    "reasons": ("理由のない除外があります。", "Something was left out without a reason."),
    "short_list": ("候補の一覧が各製品の結果と異なります。", "The short list is not what the outcomes say."),
}
"""What :func:`catalog.selection.verify` finds, in Japanese and English."""


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port.")
@as_json
def serve(host: str, port: int, *, as_json: bool) -> None:
    """Serve the catalog's pages for buyers, and keep their index as the feed says.

    Reads SEKISHO_CATALOG_… settings: docs/buyers.md. Ctrl-C ends it.
    """
    import uvicorn

    from catalog.settings import CatalogSettings

    told = {"site": f"http://{host}:{port}", "follows": CatalogSettings().api_url}
    if as_json:
        emit(told)
    else:
        click.echo(f"{told['site']} follows {told['follows']}")
    uvicorn.run(
        "catalog.site:app_factory",
        factory=True,
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


@click.group()
def selection() -> None:
    """Go through selection records again."""


@selection.command("verify", cls=Command, exits=(Exit.NOT_FOUND, Exit.INVALID, Exit.FINDINGS))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--database", help="The site's index; else SEKISHO_CATALOG_DATABASE_URL, else the state folder's."
)
@state_folder
@as_json
def verify(file: Path, database: str | None, state: Path, *, as_json: bool) -> int:
    """Make a selection record's long list again from the same position of the catalog, and compare.

    Exits with 6 where something of the record does not hold, and names it.
    """
    from catalog import selection as records
    from catalog.search import Search
    from catalog.selection import Unknown
    from pipeline.documents import NotJson, read_json

    try:
        document = read_json(file.read_bytes())
    except NotJson as error:
        raise Failure(Exit.INVALID, "selection.not_read", f"{file} is not JSON", str(error)) from None
    index = _index(database, state)
    try:
        found = records.verify(document, Search(index), index)
    except Unknown as error:
        raise Failure(
            Exit.NOT_FOUND,
            "selection.position_unknown",
            f"The index does not know the catalog at position {error.args[0]}",
            "Use the index of the site that made the record, or one that followed the feed since then.",
        ) from None
    finally:
        index.close()
    texts = [{"code": code, "ja": FINDINGS[code][0], "en": FINDINGS[code][1]} for code in found]
    if as_json:
        told = document if isinstance(document, dict) else {}
        emit({"file": str(file), "digest": told.get("digest"), "holds": not found, "findings": texts})
    elif found:
        for text in texts:
            click.echo(f"{text['code']}: {text[language()]}")
    else:
        click.echo("The record holds." if language() == "en" else "記録は再現できました。")
    return Exit.FINDINGS if found else Exit.DONE


def _index(database: str | None, state: Path) -> Index:
    import os

    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, OperationalError

    from catalog.index import Index
    from catalog.settings import PREFIX, CatalogSettings

    url = database
    if url is None and any(os.environ.get(f"{PREFIX}DATABASE_URL{end}") for end in ("", "_FILE")):
        url = CatalogSettings().database()
    if url is None:
        url = f"sqlite:///{StateFolder(state).catalog}"
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
            raise Failure(Exit.NOT_FOUND, "selection.no_index", f"There is no index at {parsed.database}")
        return Index(url)
    except (ArgumentError, OperationalError) as error:
        raise Failure(
            Exit.NOT_FOUND, "selection.no_index", "The index cannot be opened", type(error).__name__
        ) from None
