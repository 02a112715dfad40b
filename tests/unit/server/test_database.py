from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from localcloud.database import Database
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
