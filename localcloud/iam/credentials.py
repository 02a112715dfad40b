"""Access keys of the account: the administrator's, and those of role sessions.

The key of a role session is stored, so that signatures stay valid after the process is killed and
started again. Unlike on AWS it does not expire.
"""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database

ADMINISTRATOR_KEYS: Mapping[str, str] = {"test": "test", "local": "local"}
"""Secrets of the administrator by access key id, for tests, the command line and the cloud."""

_ALPHABET = string.ascii_uppercase + "234567"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    access_key TEXT PRIMARY KEY, secret TEXT NOT NULL, token TEXT NOT NULL,
    role_arn TEXT NOT NULL, session TEXT NOT NULL, UNIQUE (role_arn, session));
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key. `role_arn` and `session` are empty for the administrator."""

    access_key: str
    secret: str
    token: str = ""
    role_arn: str = ""
    session: str = ""


ADMINISTRATOR = Credentials("test", ADMINISTRATOR_KEYS["test"])


IssueCredentials = Callable[[str, str], Credentials]
"""Returns the credentials of a role session, by the role's ARN and the session's name."""


def issue_administrator(role_arn: str, session: str) -> Credentials:
    """Return the administrator's credentials for any role, for clouds that check no permissions."""
    return ADMINISTRATOR


class CredentialStore:
    """The access keys of the account, in a SQLite file. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Open or create the key file in `folder`."""
        self._database = Database(folder / "keys.sqlite3", _SCHEMA)
        self._guard = threading.Lock()
        rows = self._database.read("SELECT * FROM keys")
        self._by_key = {row["access_key"]: Credentials(**dict(row)) for row in rows}
        self._by_session = {(c.role_arn, c.session): c for c in self._by_key.values()}
        for access_key, secret in ADMINISTRATOR_KEYS.items():
            self._by_key[access_key] = Credentials(access_key, secret)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def issue(self, role_arn: str, session: str) -> Credentials:
        """Return the credentials of a role session; no role means the administrator.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
        """
        if not role_arn:
            return ADMINISTRATOR
        with self._guard:
            known = self._by_session.get((role_arn, session))
            if known is not None:
                return known
            issued = Credentials(
                "ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
                secrets.token_urlsafe(30),
                secrets.token_urlsafe(48),
                role_arn,
                session,
            )
            self._database.write(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?)",
                issued.access_key,
                issued.secret,
                issued.token,
                issued.role_arn,
                issued.session,
            )
            self._by_key[issued.access_key] = self._by_session[(role_arn, session)] = issued
            return issued

    def find(self, access_key: str) -> Credentials | None:
        """Return the credentials with this access key id, or None."""
        return self._by_key.get(access_key)
