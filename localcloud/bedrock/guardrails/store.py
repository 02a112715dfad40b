"""Guardrails and their versions, in one SQLite file."""

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
class Guardrail:
    """One version. `policy` is what CreateGuardrail was given."""

    id: str
    version: str
    policy: dict[str, Any]
    description: str | None
    created_at: float
    updated_at: float


class GuardrailStore:
    """Every guardrail of the account."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open the guardrails in `folder`."""
        self._database = Database(folder / "guardrails.sqlite3", _SCHEMA)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def create(self, policy: dict[str, Any], token: str | None) -> Guardrail:
        """Keep a new guardrail as a draft, or return the one that `token` made before."""
        if token is not None:
            made = self._read("token = ?", token)
            if made:
                return made[0]
        if any(found.policy["name"] == policy["name"] for found in self.drafts()):
            raise AwsError(
                "ConflictException",
                f"Another guardrail in your account has the name {policy['name']}",
            )
        alphabet = string.ascii_lowercase + string.digits
        guardrail_id = "".join(secrets.choice(alphabet) for _ in range(12))
        now = self._clock()
        kept = Guardrail(guardrail_id, DRAFT, policy, policy.get("description"), now, now)
        self._write(kept, token)
        return kept

    def update(self, identifier: str, policy: dict[str, Any]) -> Guardrail:
        """Replace the draft."""
        old = self.get(identifier, DRAFT)
        made = Guardrail(
            old.id, DRAFT, policy, policy.get("description"), old.created_at, self._clock()
        )
        self._database.write(
            "UPDATE guardrails SET policy = ?, description = ?, updated_at = ?"
            " WHERE id = ? AND version = ?",
            json.dumps(policy),
            made.description,
            made.updated_at,
            old.id,
            DRAFT,
        )
        return made

    def publish(self, identifier: str, description: str | None) -> Guardrail:
        """Keep the draft as it is as the next version."""
        draft = self.get(identifier, DRAFT)
        numbers = [int(each.version) for each in self.versions(draft.id) if each.version != DRAFT]
        now = self._clock()
        made = Guardrail(
            draft.id, str(max(numbers, default=0) + 1), draft.policy, description, now, now
        )
        self._write(made, None)
        return made

    def get(self, identifier: str, version: str | None) -> Guardrail:
        """Return a version, the draft where none is named. Raises ResourceNotFoundException."""
        found = self._read("id = ? AND version = ?", _id_of(identifier), version or DRAFT)
        if not found:
            raise AwsError(
                "ResourceNotFoundException",
                "The guardrail identifier or version provided in the request does not exist.",
                404,
            )
        return found[0]

    def drafts(self) -> list[Guardrail]:
        """Return every guardrail's draft, oldest first."""
        return self._read("version = ? ORDER BY created_at, id", DRAFT)

    def versions(self, identifier: str) -> list[Guardrail]:
        """Return every version of one guardrail, oldest first."""
        return self._read("id = ? ORDER BY created_at, version", _id_of(identifier))

    def delete(self, identifier: str, version: str | None) -> None:
        """Delete one version, or the guardrail whole. Raises ResourceNotFoundException."""
        found = self.get(identifier, version)
        if version is None:
            self._database.write("DELETE FROM guardrails WHERE id = ?", found.id)
        else:
            self._database.write(
                "DELETE FROM guardrails WHERE id = ? AND version = ?", found.id, version
            )

    def _write(self, kept: Guardrail, token: str | None) -> None:
        self._database.write(
            "INSERT INTO guardrails VALUES (?, ?, ?, ?, ?, ?, ?)",
            kept.id,
            kept.version,
            json.dumps(kept.policy),
            kept.description,
            token,
            kept.created_at,
            kept.updated_at,
        )

    def _read(self, condition: str, *values: object) -> list[Guardrail]:
        rows = self._database.read(
            f"SELECT * FROM guardrails WHERE {condition}",  # noqa: S608 - conditions of this module
            *values,
        )
        return [
            Guardrail(
                row["id"],
                row["version"],
                json.loads(row["policy"]),
                row["description"],
                row["created_at"],
                row["updated_at"],
            )
            for row in rows
        ]


def _id_of(identifier: str) -> str:
    return _ARN.sub("", identifier)
