from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from localcloud.database import Database

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
