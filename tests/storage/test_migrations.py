"""The migrations make exactly the tables that the code expects, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from storage import migrations
from storage.database import Database


def test_the_migrated_database_has_the_shape_of_the_tables(database: Database) -> None:
    assert migrations.current(database) == migrations.head()
    assert migrations.differences(database) == []


def test_two_processes_may_migrate_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    databases = [Database(url), Database(url)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrations.upgrade, databases))
    assert [migrations.current(database) for database in databases] == [migrations.head()] * 2
    for database in databases:
        database.close()
