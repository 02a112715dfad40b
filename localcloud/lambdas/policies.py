"""Resource policies of functions: who may invoke them besides the account's own roles.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localcloud.database import Database
from localcloud.errors import AwsError, unsupported
from localcloud.lambdas.registry import RegisteredFunction
from localcloud.service import Params, Result

_SCHEMA = """
CREATE TABLE IF NOT EXISTS statements (
    function TEXT NOT NULL, id TEXT NOT NULL, statement TEXT NOT NULL,
    PRIMARY KEY (function, id))
"""
_PARAMETERS = frozenset(
    {"FunctionName", "StatementId", "Action", "Principal", "SourceArn", "SourceAccount"}
)


class FunctionPolicies:
    """The statements of every function's policy."""

    def __init__(self, path: Path) -> None:
        """Keep statements in `path`."""
        self._database = Database(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, function: RegisteredFunction, params: Params) -> Result:
        """Answer AddPermission."""
        unknown = sorted(set(params) - _PARAMETERS)
        if unknown:
            raise unsupported("Lambda", f"the parameter {unknown[0]} of AddPermission")
        statement = json.dumps(_statement(function, params))
        added = self._database.write(
            "INSERT INTO statements VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            function.spec.name,
            params["StatementId"],
            statement,
        )
        if not added:
            raise AwsError(
                "ResourceConflictException",
                f"The statement id ({params['StatementId']}) provided already exists. Please "
                "provide a new statement id, or remove the existing statement.",
                409,
            )
        return {"Statement": statement}

    def remove(self, function: RegisteredFunction, params: Params) -> Result:
        """Answer RemovePermission."""
        removed = self._database.write(
            "DELETE FROM statements WHERE function = ? AND id = ?",
            function.spec.name,
            params["StatementId"],
        )
        if not removed:
            raise _not_found(f"Statement {params['StatementId']} is not found in resource policy.")
        return {}

    def remove_all(self, function: str) -> None:
        """Remove the policy of a function that is deleted, by its name."""
        self._database.write("DELETE FROM statements WHERE function = ?", function)

    def get(self, function: RegisteredFunction) -> Result:
        """Answer GetPolicy."""
        document = self.document(function.spec.name)
        if document is None:
            raise _not_found("The resource you requested does not exist.")
        return {"Policy": document}

    def document(self, function: str) -> str | None:
        """Return the policy of a function by its name, None if it has none."""
        rows = self._database.read(
            "SELECT statement FROM statements WHERE function = ? ORDER BY rowid", function
        )
        policy = {
            "Version": "2012-10-17",
            "Id": "default",
            "Statement": [json.loads(row["statement"]) for row in rows],
        }
        return json.dumps(policy) if rows else None


def _not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404)


def _statement(function: RegisteredFunction, params: Params) -> dict[str, Any]:
    principal = str(params["Principal"])
    is_service = principal.endswith(".amazonaws.com")
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": {"Service": principal} if is_service else {"AWS": principal},
        "Action": params["Action"],
        "Resource": function.arn,
    }
    condition: dict[str, Any] = {}
    if params.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": params["SourceArn"]}
    if params.get("SourceAccount"):
        condition["StringEquals"] = {"AWS:SourceAccount": params["SourceAccount"]}
    return {**statement, "Condition": condition} if condition else statement
