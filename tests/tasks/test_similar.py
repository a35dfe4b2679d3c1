"""Companies of similar names are found among all that ever applied."""

from __future__ import annotations

import orjson
from sqlalchemy import insert

from pipeline.identifiers import new_id, new_reference
from pipeline.lifecycle import State
from pipeline.model import Application, Case
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from tasks.similar import SimilarVendors
from tests.web.conftest import ScriptedClock


class Register:
    """Applications under names and numbers."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.memory = SqlMemory(self.database)
        self.now = ScriptedClock().now()
        self.sender = new_id()
        with self.database.write() as connection:
            connection.execute(
                insert(t.senders), {"id": self.sender, "name": "portal", "created_at": self.now}
            )

    def apply(self, name: str, number: str) -> str:
        vendor = {"name": name, "identifiers": [{"scheme": "JP-JCN", "id": number}]}
        document = {"vendor": vendor, "product": {"code": "x", "name": {"ja": "x"}}}
        body = orjson.dumps({"data": document})
        application = Application(new_id(), self.sender, str(new_id()), self.now, body, document)
        case = Case(new_id(), new_reference(), application.id, State.RECEIVED, 1, 0, self.now, self.now)
        with self.memory.write() as tx:
            tx.applications.add([application])
            tx.cases.open([(case, application)])
        return case.reference

    def found(self, similar: SimilarVendors, reference: str) -> list[tuple[str, float]]:
        with self.memory.read() as tx:
            file = tx.cases.by_reference(reference)
        assert file is not None
        return [(one.number, one.score) for one in similar(file)]


def test_other_numbers_under_like_names_are_found_and_own_names_are_not(
    sqlite_database_url: str,
) -> None:
    register = Register(sqlite_database_url)
    similar = SimilarVendors(register.memory, refresh_seconds=0)
    own = register.apply("株式会社斉藤商店", "1111111111111")
    register.apply("㈱斉藤商店", "1111111111111")
    register.apply("齋藤商店株式会社", "2222222222222")
    register.apply("株式会社山田工務店", "3333333333333")
    [(number, score)] = register.found(similar, own)
    assert number == "JP-JCN:2222222222222"
    assert score >= 0.6

    register.apply("株式会社斉藤商店", "4444444444444")  # one that came since is found as well, and first
    assert register.found(similar, own)[0] == ("JP-JCN:4444444444444", 1.0)
    register.database.close()
