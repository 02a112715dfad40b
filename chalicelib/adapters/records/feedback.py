"""Logged answers, votes, and the places of ratings, in the records table.

    TENANT#<tenant>   ASKED#<id>               a question and what it got; expires after 30 days
    TENANT#<tenant>   VOTE#<ulid>              what a rating says for questions alike
    TENANT#<tenant>   RATED#<document>#...     that a rating has to do with a version of it
    TENANT#<tenant>   RATING#<rollout>#<ulid>  what was rated of an arm; read by `RolloutTable`
    TENANT#<tenant>   TENANT                   votes: how often the tenant's votes changed

The ULID is the one in the id of what was rated, so votes lie in the order of their questions, and
a second rating of the same answer takes the first one's place. An item of `ASKED#` holds its
contract as compressed JSON: most of them then take one or two write units.
"""

from __future__ import annotations

import itertools
import json
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

from chalicelib.adapters.dynamodb import (
    ConditionCheck,
    Delete,
    DynamoTable,
    Item,
    Key,
    Put,
    Update,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.rating_arms import rating_item
from chalicelib.adapters.records.writes import TENANT_STAYS, document_key, tenant_key, tenant_pk
from chalicelib.contracts.answer_log import ASKED_DAYS, LoggedAnswer, RatedSpan, Rating
from chalicelib.errors import Conflict
from chalicelib.retrieval.answer.answer_log import EmbeddedAnswer, RatedAnswer
from chalicelib.retrieval.search.feedback_boost import Vote, unpack_vector

MAX_VOTES = 200
"""Votes that are looked at: the newest ones. They are read anew only after one has changed."""
VOTE_DAYS = 365
TENANTS_REMEMBERED = 8
"""Tenants whose votes a process keeps: 2.5 MB each at the most."""
HAS_READY_VERSION = WriteCondition("attribute_exists(pk) AND #version <> :none", {":none": ""})
"""Of a document: that a version of it answers."""
_RATED = "RATED#"
_VOTE = "VOTE#"


class FeedbackTable:
    """Logged answers, and the votes from their ratings."""

    def __init__(self, table: DynamoTable, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock
        self._known: OrderedDict[str, tuple[int, tuple[Vote, ...]]] = OrderedDict()

    def put_answer(self, tenant: str, kept: EmbeddedAnswer) -> None:
        """Keep a question with what it got for `ASKED_DAYS`."""
        pk, sk = _asked_key(tenant, kept.answer.id)
        self._table.put(
            Put(
                {
                    "pk": pk,
                    "sk": sk,
                    "asked": zlib.compress(kept.answer.model_dump_json().encode()),
                    "vector": kept.vector,
                    "expires_at": self._days_from_now(ASKED_DAYS),
                }
            )
        )

    def get_answer(self, tenant: str, asked_id: str) -> EmbeddedAnswer | None:
        """Return what is kept under the id, None if there is nothing or it has expired."""
        item = self._table.get(_asked_key(tenant, asked_id))
        if item is None or self._has_expired(item):
            return None
        return EmbeddedAnswer(
            LoggedAnswer.model_validate_json(zlib.decompress(item["asked"])), item["vector"]
        )

    def rate(
        self,
        tenant: str,
        rated: RatedAnswer,
        kept: EmbeddedAnswer,
        marks: Sequence[RatedSpan],
        rating: Rating,
    ) -> None:
        """Let a rating and its `marks` replace an earlier one of the same; all or nothing.

        Raises:
            Conflict: the tenant, or a document of `rated`, is gone or is being removed.
        """
        pk, sk = tenant_pk(tenant), _VOTE + rated.ulid
        vote: Write = Delete((pk, sk))
        if marks:
            told = json.dumps([mark.model_dump() for mark in marks], separators=(",", ":"))
            vote = Put(
                {
                    "pk": pk,
                    "sk": sk,
                    "model": kept.answer.model,
                    "vector": kept.vector,
                    "marks": told,
                    "expires_at": self._days_from_now(VOTE_DAYS),
                }
            )
        places = [
            Put({"pk": pk, "sk": _rated_sk(version, rated.ulid), "key": rated.key})
            for version in rated.versions
        ]
        answer = [
            ConditionCheck(document_key(tenant, document), HAS_READY_VERSION)
            for document in dict.fromkeys(document for document, _ in rated.versions)
        ]
        arm: list[Write] = []
        if kept.answer.rollout_id:
            arm = [Put(rating_item(tenant, rated.ulid, kept.answer, rating))]
        self._table.transact([vote, _votes_changed(tenant), *places, *answer, *arm])

    def stands(self, tenant: str, rated: RatedAnswer) -> bool:
        """Tell whether a rating was not removed with one of its documents since it was kept."""
        keys = [(tenant_pk(tenant), _rated_sk(version, rated.ulid)) for version in rated.versions]
        return len(self._table.get_many(keys, ("sk",))) == len(keys)

    def votes(self, tenant: str, state: int) -> Sequence[Vote]:
        """Return the newest votes; without a look at the table where `state` is 0 or as before."""
        if not state:
            return ()
        known_state, known = self._known.get(tenant, (0, ()))
        if known_state != state:
            newest = self._table.query(tenant_pk(tenant), _VOTE, limit=MAX_VOTES, newest_first=True)
            items = itertools.islice(newest, MAX_VOTES)
            known = tuple(_vote(item) for item in items if not self._has_expired(item))
            self._known[tenant] = (state, known)
        self._known.move_to_end(tenant)
        while len(self._known) > TENANTS_REMEMBERED:
            self._known.popitem(last=False)
        return known

    def rated_with(self, tenant: str, document_id: str) -> Iterator[RatedAnswer]:
        """Yield the ratings that have to do with a document."""
        for item in self._table.query(tenant_pk(tenant), f"{_RATED}{document_id}#"):
            *_, version, ulid = item["sk"].split("#")
            yield RatedAnswer(ulid, item["key"], ((document_id, version),))

    def forget_rating(self, tenant: str, rated: RatedAnswer) -> int:
        """Remove a vote, and that its rating has to do with the versions named.

        Returns:
            how many records that were.
        """
        pk = tenant_pk(tenant)
        self._table.delete(Delete((pk, _VOTE + rated.ulid)))
        for version in rated.versions:
            self._table.delete(Delete((pk, _rated_sk(version, rated.ulid))))
        with suppress(Conflict):  # nobody asks for the votes of a tenant that is being removed
            self._table.update(_votes_changed(tenant))
        return 1 + len(rated.versions)

    def _days_from_now(self, days: int) -> int:
        return int(self._clock() + timedelta(days=days).total_seconds())

    def _has_expired(self, item: Item) -> bool:
        return bool(item["expires_at"] <= self._clock())


def _votes_changed(tenant: str) -> Update:
    """Count a change of the tenant's votes, so that every process reads them anew."""
    return Update(
        tenant_key(tenant),
        "SET #votes = if_not_exists(#votes, :zero) + :one",
        {":zero": 0, ":one": 1},
        TENANT_STAYS,
    )


def _asked_key(tenant: str, asked_id: str) -> Key:
    return tenant_pk(tenant), f"ASKED#{asked_id}"


def _rated_sk(version: tuple[str, str], ulid: str) -> str:
    return f"{_RATED}{version[0]}#{version[1]}#{ulid}"


def _vote(item: Item) -> Vote:
    marks = tuple(RatedSpan.model_validate(mark) for mark in json.loads(item["marks"]))
    return Vote(item["model"], unpack_vector(item["vector"]), marks)
