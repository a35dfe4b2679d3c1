"""The core's transaction port on SQLAlchemy: one object a transaction, one module a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Connection

from storage.accounts import SqlAccounts
from storage.applications import SqlApplications
from storage.cases import SqlCases
from storage.catalog import SqlCatalog
from storage.chores import SqlChores
from storage.database import Database
from storage.decisions import SqlDecisions
from storage.deliveries import SqlDeliveries
from storage.journal import SqlJournal
from storage.ledger import SqlLedger
from storage.listings import SqlListings
from storage.policies import SqlPolicies
from storage.receipts import SqlReceipts
from storage.reviews import SqlReviews


class SqlTransaction:
    """One database transaction: all that is done through it commits together, or nothing does."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @cached_property
    def accounts(self) -> SqlAccounts:
        """The people who sign in, and their sessions."""
        return SqlAccounts(self.connection)

    @cached_property
    def applications(self) -> SqlApplications:
        """What was submitted."""
        return SqlApplications(self.connection)

    @cached_property
    def cases(self) -> SqlCases:
        """The cases and their checks."""
        return SqlCases(self.connection)

    @cached_property
    def ledger(self) -> SqlLedger:
        """The due steps."""
        return SqlLedger(self.connection)

    @cached_property
    def decisions(self) -> SqlDecisions:
        """The decisions and what they rest on."""
        return SqlDecisions(self.connection)

    @cached_property
    def reviews(self) -> SqlReviews:
        """What people have to do with cases."""
        return SqlReviews(self.connection)

    @cached_property
    def listings(self) -> SqlListings:
        """The catalog and its feed."""
        return SqlListings(self.connection)

    @cached_property
    def deliveries(self) -> SqlDeliveries:
        """What is to be told to subscribers."""
        return SqlDeliveries(self.connection)

    @cached_property
    def chores(self) -> SqlChores:
        """The work that recurs."""
        return SqlChores(self.connection)

    @cached_property
    def policies(self) -> SqlPolicies:
        """The policy packs that officers published."""
        return SqlPolicies(self.connection)

    @cached_property
    def receipts(self) -> SqlReceipts:
        """The signed receipts."""
        return SqlReceipts(self.connection)

    @cached_property
    def journal(self) -> SqlJournal:
        """The append-only record."""
        return SqlJournal(self.connection)

    def end(self) -> None:
        """Do what has to be done last, before the commit."""
        self.journal.seal()


class SqlMemory:
    """The database, as the core sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.catalog = SqlCatalog(database)

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        with self._database.write() as connection:
            tx = SqlTransaction(connection)
            yield tx
            tx.end()

    @contextmanager
    def read(self) -> Iterator[SqlTransaction]:
        """A consistent view for reading."""
        with self._database.read() as connection:
            yield SqlTransaction(connection)
