"""What the roles of the template are granted, one action on one pattern of resources each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from localcloud.iam.exceptions import Broad, Everywhere
from localcloud.iam.ledger import Book
from localcloud.iam.policy import parse


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one pattern of resources that a role's statement `sid` allows.

    `keys` are the condition keys, in lower case, that the statement asks for.
    """

    owner: str
    role: str
    sid: str
    action: str
    resource: str
    keys: tuple[str, ...] = ()


def grants_of(books: Iterable[Book]) -> list[Grant]:
    """Return what the policies in `books` allow, each once, in the order of owners."""
    found = {
        Grant(
            granted.owner,
            granted.role,
            statement.sid,
            action,
            resource,
            tuple(sorted({condition.key for condition in statement.conditions})),
        ): None
        for book in books
        for granted in book.grants
        for statement in parse(granted.document, granted.name).statements
        if statement.allows
        for action in statement.actions
        for resource in statement.resources
    }
    return sorted(found, key=lambda grant: (grant.owner, grant.action, grant.resource, grant.sid))


def is_wide(grant: Grant, everywhere: Iterable[Everywhere], broad: Iterable[Broad]) -> bool:
    """Tell whether a grant's action is a pattern, or its resource anything, or anything of a kind,
    and neither `everywhere` nor `broad` says that it has to be.
    """
    if "*" in grant.action or "?" in grant.action:
        return True
    if grant.resource == "*":
        return not any(grant.action == each.action.lower() for each in everywhere)
    return is_broad(grant.resource) and not any(
        each.covers(grant.action, grant.resource, grant.keys) for each in broad
    )


def is_broad(arn: str) -> bool:
    """Tell whether an ARN names nothing but a kind: `…::foundation-model/*`, `…:queue:*`, `…:*`.

    Objects of a bucket, executions of a machine and streams of a log group are named by what they
    lie in. S3 has no kind before the bucket.
    """
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return False
    name = re.split(r"[/:]", parts[5])
    named = name[:1] if parts[2] == "s3" else (name[1:] or name)
    return all(part == "*" for part in named)
