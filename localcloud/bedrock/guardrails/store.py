"""Guardrails and their versions in SQLite."""

from __future__ import annotations

import json
import re
import secrets
import string
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError

DRAFT = "DRAFT"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS guardrails (
    id TEXT NOT NULL, version TEXT NOT NULL, policy TEXT NOT NULL, description TEXT,
    token TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    PRIMARY KEY (id, version));
CREATE UNIQUE INDEX IF NOT EXISTS tokens ON guardrails (token) WHERE token IS NOT NULL;
"""
_ARN = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:guardrail/")


@dataclass(frozen=True, slots=True)
class GuardrailVersion:
    """A version of a guardrail. `policy` has the parameters of CreateGuardrail."""

    id: str
    version: str
    policy: dict[str, Any]
    description: str | None
    created_at: float
    updated_at: float


class GuardrailStore:
    """The guardrails of the account."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the database in `folder`."""
        self._database = Database(folder / "guardrails.sqlite3", _SCHEMA)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def create(self, policy: dict[str, Any], token: str | None) -> GuardrailVersion:
        """Create a guardrail's draft, or return the guardrail that `token` created."""
        if token is not None:
            existing = self._read("token = ?", token)
            if existing:
                return existing[0]
        if any(draft.policy["name"] == policy["name"] for draft in self.drafts()):
            raise AwsError(
                "ConflictException",
                f"Another guardrail in your account has the name {policy['name']}",
            )
        alphabet = string.ascii_lowercase + string.digits
        guardrail_id = "".join(secrets.choice(alphabet) for _ in range(12))
        now = self._clock()
        guardrail = GuardrailVersion(
            guardrail_id, DRAFT, policy, policy.get("description"), now, now
        )
        self._write(guardrail, token)
        return guardrail

    def update(self, identifier: str, policy: dict[str, Any]) -> GuardrailVersion:
        """Replace the draft of a guardrail."""
        old = self.get(identifier, DRAFT)
        created = GuardrailVersion(
            old.id, DRAFT, policy, policy.get("description"), old.created_at, self._clock()
        )
        self._database.write(
            "UPDATE guardrails SET policy = ?, description = ?, updated_at = ?"
            " WHERE id = ? AND version = ?",
            json.dumps(policy),
            created.description,
            created.updated_at,
            old.id,
            DRAFT,
        )
        return created

    def publish(self, identifier: str, description: str | None) -> GuardrailVersion:
        """Store the draft as the next version."""
        draft = self.get(identifier, DRAFT)
        numbers = [int(each.version) for each in self.versions(draft.id) if each.version != DRAFT]
        now = self._clock()
        created = GuardrailVersion(
            draft.id, str(max(numbers, default=0) + 1), draft.policy, description, now, now
        )
        self._write(created, None)
        return created

    def get(self, identifier: str, version: str | None) -> GuardrailVersion:
        """Return a version, the draft by default. Raises ResourceNotFoundException."""
        guardrails = self._read(
            "id = ? AND version = ?", _guardrail_id(identifier), version or DRAFT
        )
        if not guardrails:
            raise AwsError(
                "ResourceNotFoundException",
                "The guardrail identifier or version provided in the request does not exist.",
                404,
            )
        return guardrails[0]

    def drafts(self) -> list[GuardrailVersion]:
        """Return the draft of each guardrail, oldest first."""
        return self._read("version = ? ORDER BY created_at, id", DRAFT)

    def versions(self, identifier: str) -> list[GuardrailVersion]:
        """Return all versions of a guardrail, oldest first."""
        return self._read("id = ? ORDER BY created_at, version", _guardrail_id(identifier))

    def delete(self, identifier: str, version: str | None) -> None:
        """Delete one version or, without one, all. Raises ResourceNotFoundException."""
        guardrails = self.get(identifier, version)
        if version is None:
            self._database.write("DELETE FROM guardrails WHERE id = ?", guardrails.id)
        else:
            self._database.write(
                "DELETE FROM guardrails WHERE id = ? AND version = ?", guardrails.id, version
            )

    def _write(self, guardrail: GuardrailVersion, token: str | None) -> None:
        self._database.write(
            "INSERT INTO guardrails VALUES (?, ?, ?, ?, ?, ?, ?)",
            guardrail.id,
            guardrail.version,
            json.dumps(guardrail.policy),
            guardrail.description,
            token,
            guardrail.created_at,
            guardrail.updated_at,
        )

    def _read(self, condition: str, *values: object) -> list[GuardrailVersion]:
        rows = self._database.read(
            f"SELECT * FROM guardrails WHERE {condition}",  # noqa: S608 - conditions of this module
            *values,
        )
        return [
            GuardrailVersion(
                row["id"],
                row["version"],
                json.loads(row["policy"]),
                row["description"],
                row["created_at"],
                row["updated_at"],
            )
            for row in rows
        ]


def _guardrail_id(identifier: str) -> str:
    return _ARN.sub("", identifier)
