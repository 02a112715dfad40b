"""Who holds which access key: the account's administrator, and a session of a role.

A role's key is made when something begins to run as the role and is kept, so that what it signed
is still good after a kill and a new start. Unlike on AWS it does not expire.
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
"""Access key id to secret of whoever works at this machine: tests, the command line, the cloud."""

_ALPHABET = string.ascii_uppercase + "234567"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    access_key TEXT PRIMARY KEY, secret TEXT NOT NULL, token TEXT NOT NULL,
    role_arn TEXT NOT NULL, session TEXT NOT NULL, UNIQUE (role_arn, session));
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs a call. `role_arn` and `session` are empty for the administrator."""

    access_key: str
    secret: str
    token: str = ""
    role_arn: str = ""
    session: str = ""


ADMINISTRATOR = Credentials("test", ADMINISTRATOR_KEYS["test"])


Issue = Callable[[str, str], Credentials]
"""Returns what signs the calls of a role, by its ARN and the name of the session."""


def to_anyone(role_arn: str, session: str) -> Credentials:
    """Return the administrator's key whatever the role, where nothing tells roles apart."""
    return ADMINISTRATOR


class Callers:
    """Every key of the account, in one SQLite file; safe from any thread."""

    def __init__(self, folder: Path) -> None:
        """Open the keys in `folder`."""
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
        """Return the key of `role_arn` under the name `session`; no role means the administrator.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
        """
        if not role_arn:
            return ADMINISTRATOR
        with self._guard:
            known = self._by_session.get((role_arn, session))
            if known is not None:
                return known
            made = Credentials(
                "ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
                secrets.token_urlsafe(30),
                secrets.token_urlsafe(48),
                role_arn,
                session,
            )
            self._database.write(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?)",
                made.access_key,
                made.secret,
                made.token,
                made.role_arn,
                made.session,
            )
            self._by_key[made.access_key] = self._by_session[(role_arn, session)] = made
            return made

    def find(self, access_key: str) -> Credentials | None:
        """Return the key with this id, or None."""
        return self._by_key.get(access_key)
