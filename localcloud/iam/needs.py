"""What a call needs: an action on a resource, and what conditions may ask about it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.iam.conditions import Context

Params = Mapping[str, Any]
HashKey = Callable[[str], "str | None"]
"""Returns the partition key's name of a DynamoDB table, None where there is no such table."""


@dataclass(frozen=True, slots=True)
class Need:
    """One action on one resource, an ARN or `*` where the action has no resources."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """The account whose resources are meant, and how its tables are keyed."""

    region: str
    account_id: str
    hash_key: HashKey = lambda _: None

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of `resource` here."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"
