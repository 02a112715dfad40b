"""The SQLite tables of Step Functions."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS machines (
    arn TEXT PRIMARY KEY, name TEXT NOT NULL, revision INTEGER NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS revisions (
    id INTEGER PRIMARY KEY, machine_arn TEXT NOT NULL, revision_id TEXT, updated REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS versions (
    arn TEXT PRIMARY KEY, machine_arn TEXT NOT NULL, number INTEGER NOT NULL,
    revision INTEGER NOT NULL, description TEXT, created REAL NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS versions_of_machine ON versions (machine_arn, number);
CREATE TABLE IF NOT EXISTS aliases (
    arn TEXT PRIMARY KEY, machine_arn TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
    routes TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_of_machine ON aliases (machine_arn, created);
CREATE TABLE IF NOT EXISTS tags (
    arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)
);
CREATE TABLE IF NOT EXISTS executions (
    arn TEXT PRIMARY KEY, machine_arn TEXT NOT NULL, map_run_arn TEXT, name TEXT NOT NULL,
    identity TEXT NOT NULL, status TEXT NOT NULL, started REAL NOT NULL, stopped REAL,
    output TEXT, error TEXT, cause TEXT,
    redrive_count INTEGER NOT NULL DEFAULT 0, redriven REAL, deadline REAL
);
CREATE INDEX IF NOT EXISTS executions_of_machine ON executions (machine_arn, started);
CREATE INDEX IF NOT EXISTS executions_of_map_run ON executions (map_run_arn, started);
CREATE INDEX IF NOT EXISTS executions_running ON executions (status) WHERE status = 'RUNNING';
CREATE TABLE IF NOT EXISTS events (
    arn TEXT NOT NULL, id INTEGER NOT NULL, previous INTEGER NOT NULL, at REAL NOT NULL,
    type TEXT NOT NULL, details TEXT, PRIMARY KEY (arn, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS strands (
    arn TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (arn, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, arn TEXT NOT NULL, strand INTEGER NOT NULL, ticket INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activities (
    arn TEXT PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activity_tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, activity_arn TEXT NOT NULL, token TEXT NOT NULL,
    input TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS redrives (
    arn TEXT NOT NULL, token TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (arn, token)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS map_runs (
    arn TEXT PRIMARY KEY, execution_arn TEXT NOT NULL, strand INTEGER NOT NULL,
    status TEXT NOT NULL, started REAL NOT NULL, stopped REAL,
    max_concurrency INTEGER NOT NULL, tolerated_count INTEGER, tolerated_percentage REAL,
    redrive_count INTEGER NOT NULL DEFAULT 0, redriven REAL,
    redrive_seen INTEGER NOT NULL DEFAULT 0, loaded INTEGER NOT NULL DEFAULT 0,
    plan TEXT NOT NULL, result TEXT
);
CREATE INDEX IF NOT EXISTS map_runs_of_execution ON map_runs (execution_arn, started);
CREATE TABLE IF NOT EXISTS map_items (
    map_run_arn TEXT NOT NULL, number INTEGER NOT NULL, arn TEXT NOT NULL, input TEXT NOT NULL,
    items INTEGER NOT NULL, status TEXT NOT NULL, started REAL, stopped REAL, output TEXT,
    error TEXT, cause TEXT, redrive_count INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (map_run_arn, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS map_items_by_status ON map_items (map_run_arn, status, number);
"""
