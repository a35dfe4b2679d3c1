"""``sekisho catalog``: a file of the whole, and the proof."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import orjson

from tests.catalog.conftest import site  # noqa: F401 - a fixture

Site = Any
Sekisho = Any


def test_a_catalog_that_agrees_is_proved(site: Site, sekisho: Sekisho) -> None:  # noqa: F811
    site.publish("chat")
    answer = sekisho("catalog", "verify", site.url, "--json")
    assert answer.status == 0
    assert (answer.value["holds"], answer.value["listings"], answer.value["position"]) == (True, 1, 1)
    assert "They agree." in sekisho("catalog", "verify", site.url).out


def test_a_difference_is_exit_status_6_and_named(site: Site, sekisho: Sekisho) -> None:  # noqa: F811
    chat = site.publish("chat")
    with site.memory.write() as tx:
        tx.connection.exec_driver_sql("UPDATE listings SET standing = 'hidden'")
    answer = sekisho("catalog", "verify", site.url)
    # The snapshot is made from what the feed no longer leads to.
    assert answer.status == 6
    assert str(chat) in answer.out
    with site.memory.write() as tx:
        tx.connection.exec_driver_sql("UPDATE listing_versions SET document_sha256 = 'sha256:0'")
        tx.connection.exec_driver_sql("UPDATE listings SET standing = 'published'")
    answer = sekisho("catalog", "verify", site.url, "--json")
    assert answer.status == 6
    assert str(chat) in answer.value["corrupt"]


def test_a_catalog_that_cannot_be_read_is_to_be_tried_again(sekisho: Sekisho) -> None:
    answer = sekisho("catalog", "verify", "http://127.0.0.1:9", "--json")
    assert (answer.status, answer.problem["code"]) == (75, "catalog.unread")


def test_the_catalog_is_written_to_a_file(site: Site, sekisho: Sekisho, tmp_path: Path) -> None:  # noqa: F811
    site.publish("chat")
    os.environ["SEKISHO_DATABASE_URL"] = site.database.engine.url.render_as_string(hide_password=False)
    file = tmp_path / "all.ndjson.gz"
    answer = sekisho("catalog", "snapshot", str(file), "--json")
    assert answer.status == 0
    head, one = map(orjson.loads, gzip.decompress(file.read_bytes()).splitlines())
    assert (head["position"], head["digest"]) == (1, answer.value["digest"])
    assert one["data"]["code"] == "chat"
    assert list(tmp_path.glob("all.ndjson.gz.*")) == []
    assert sekisho("catalog", "snapshot", str(tmp_path / "no" / "where")).status == 5
