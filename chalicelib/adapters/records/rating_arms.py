"""Ratings by the arm of a rollout, in the records table.

    TENANT#<tenant>   RATING#<rollout>#<ulid>   whether an answer of an arm was rated badly

The ULID is that of the answer, so a second rating of an answer replaces the first one. An item
expires when no rollout can count it any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import DynamoTable, Value
from chalicelib.adapters.records.writes import tenant_pk
from chalicelib.contracts.rollouts import MAX_ROLLOUT_SECONDS, Arm, ArmCounts

if TYPE_CHECKING:
    from chalicelib.contracts.answer_log import LoggedAnswer, Rating


class RatingArms:
    """Reads how the answers of each arm were rated."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def counts(self, tenant: str, rollout_id: str, since: datetime) -> dict[Arm, ArmCounts]:
        """Return ratings by arm, of answers given `since` then; the bad ones are the events."""
        found: dict[Arm, list[bool]] = {"live": [], "candidate": []}
        for item in self._table.query(tenant_pk(tenant), f"RATING#{rollout_id}#"):
            if item["asked_at"] >= int(since.timestamp() * 1000):
                found[item["arm"]].append(item["bad"])
        return {arm: ArmCounts(calls=len(bad), events=sum(bad)) for arm, bad in found.items()}


def rating_item(tenant: str, ulid: str, answer: LoggedAnswer, rating: Rating) -> dict[str, Value]:
    """Return the record of a rating of an answer that an arm of a rollout gave."""
    gone = answer.asked_at + timedelta(seconds=MAX_ROLLOUT_SECONDS)
    return {
        "pk": tenant_pk(tenant),
        "sk": f"RATING#{answer.rollout_id}#{ulid}",
        "arm": answer.arm,
        "bad": rating == "down",
        "asked_at": int(answer.asked_at.timestamp() * 1000),
        "expires_at": int(gone.timestamp()),
    }
