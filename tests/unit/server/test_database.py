from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from localcloud.database import MIN_FREE_BYTES, Database
from localcloud.storage_errors import CorruptDatabaseError, storage_failure

SCHEMA = """
CREATE TABLE IF NOT EXISTS owners (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS things (
    owner INTEGER NOT NULL REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED
);
"""


def test_should_go_on_after_a_commit_that_failed(tmp_path: Path) -> None:
    database = Database(tmp_path / "test.sqlite3", SCHEMA)
    with pytest.raises(sqlite3.IntegrityError):
        database.write("INSERT INTO things VALUES (1)")  # refused only when it is committed
    database.write("INSERT INTO owners VALUES (1)")
    assert database.read("SELECT count(*) AS n FROM things")[0]["n"] == 0
    database.close()


def _break_off(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("ROLLBACK")
        raise ValueError("the reason")


def test_should_tell_why_a_transaction_failed_that_sqlite_ended_itself(tmp_path: Path) -> None:
    database = Database(tmp_path / "test.sqlite3", SCHEMA)
    with pytest.raises(ValueError, match="the reason"):
        _break_off(database)
    assert database.write("INSERT INTO owners VALUES (1)") == 1
    database.close()


def test_should_take_what_a_full_disk_refused_once_there_is_space(tmp_path: Path) -> None:
    """SQLITE_FULL, here by a limit of pages. https://www.sqlite.org/rescode.html#full"""
    database = Database(tmp_path / "test.sqlite3", "CREATE TABLE IF NOT EXISTS blobs (content)")
    pages = database.read("PRAGMA page_count")[0][0]
    database.read(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(sqlite3.OperationalError) as caught:
        database.write("INSERT INTO blobs VALUES (zeroblob(100000))")
    failure = storage_failure(caught.value)
    assert failure is not None
    assert (failure.code, failure.status) == ("InsufficientStorage", 507)
    assert database.read("SELECT count(*) FROM blobs")[0][0] == 0
    database.read("PRAGMA max_page_count = 100000")
    assert database.write("INSERT INTO blobs VALUES (zeroblob(100000))") == 1
    database.close()


@pytest.mark.parametrize("offset", [0, 4096])
def test_should_name_a_damaged_file_and_what_to_do(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "test.sqlite3"
    database = Database(path, SCHEMA)
    database.write("INSERT INTO owners VALUES (1)")
    database.close()
    content = bytearray(path.read_bytes())
    content[offset : offset + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(CorruptDatabaseError) as caught:
        Database(path, SCHEMA).read("SELECT * FROM owners")
    assert str(path) in str(caught.value)
    assert "test.sqlite3-wal" in str(caught.value)
    failure = storage_failure(caught.value)
    assert failure is not None
    assert str(path) in failure.message


@pytest.mark.parametrize(("deleted", "shrinks"), [(0.9, True), (0.3, False)])
def test_a_file_that_is_mostly_free_should_shrink_when_it_is_opened(
    tmp_path: Path, deleted: float, shrinks: bool
) -> None:
    path, rows = tmp_path / "store.sqlite3", 40
    database = Database(path, "CREATE TABLE IF NOT EXISTS things (n INTEGER, body BLOB)")
    body = bytes(2 * MIN_FREE_BYTES // rows)
    with database.transaction() as connection:
        connection.executemany("INSERT INTO things VALUES (?, ?)", [(n, body) for n in range(rows)])
    database.write("DELETE FROM things WHERE n < ?", rows * deleted)
    database.close()
    before = path.stat().st_size
    again = Database(path, "CREATE TABLE IF NOT EXISTS things (n INTEGER, body BLOB)")
    assert len(again.read("SELECT n FROM things")) == rows - rows * deleted
    again.close()
    assert (path.stat().st_size < before / 2) is shrinks
