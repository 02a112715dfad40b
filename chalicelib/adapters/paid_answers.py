"""Answers that cost money, kept for their Idempotency-Key: begun before they are paid for.

    ANSWER#<tenant>   <sha256>   as other answers; `http_status` is 0 while one is being made
    jobs/<tenant>/answers/<sha256>   the body of one that is too large for a record, in S3

`owner` is the request that makes the answer. Bodies in S3 expire with the other objects of `jobs/`,
days after their records.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Item, Put, WriteCondition
from chalicelib.contracts.idempotency import BEGUN, IdempotentResponse
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.adapters.s3 import S3Objects

MOST_IN_RECORD = 300_000
"""Bytes of a body within a record, which takes 400 KB with all else.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


class PaidAnswers:
    """The answers of paid routes, in the records table and a bucket."""

    def __init__(
        self,
        table: DynamoTable,
        objects: S3Objects,
        bucket: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._objects = objects
        self._bucket = bucket
        self._clock = clock

    def kept_answer(self, tenant: str, key_hash: str) -> IdempotentResponse | None:
        """Return what is kept under the key, None if there is nothing or it has expired."""
        item = self._table.get(_key(tenant, key_hash))
        if item is None or item["expires_at"] <= self._clock():
            return None
        body = item["body"]
        if item.get("in_objects"):
            body = self._objects.read(self._bucket, _object_key(tenant, key_hash))
        return IdempotentResponse(item["request_hash"], item["http_status"], body)

    def begin_answer(
        self, tenant: str, key_hash: str, request_hash: str, owner: str, seconds: int
    ) -> bool:
        """Note that `owner` makes an answer now; False where one is there, or being made."""
        now = int(self._clock())
        begun = _item(
            tenant, key_hash, IdempotentResponse(request_hash, BEGUN, b""), owner, now + seconds
        )
        free = WriteCondition("attribute_not_exists(pk) OR #expires_at <= :now", {":now": now})
        try:
            self._table.put(Put(begun, free))
        except Conflict:
            return False
        return True

    def end_answer(
        self, tenant: str, key_hash: str, owner: str, answer: IdempotentResponse, seconds: int
    ) -> bool:
        """Keep what `owner` made for `seconds`; False where another has taken its place since."""
        item = _item(tenant, key_hash, answer, owner, int(self._clock()) + seconds)
        if len(answer.body) > MOST_IN_RECORD:
            self._objects.write(self._bucket, _object_key(tenant, key_hash), answer.body, {})
            item |= {"body": b"", "in_objects": True}
        try:
            self._table.put(Put(item, _of(owner)))
        except Conflict:
            return False
        return True

    def drop_answer(self, tenant: str, key_hash: str, owner: str) -> None:
        """Forget that `owner` makes an answer: it may be asked for again."""
        try:
            self._table.delete(Delete(_key(tenant, key_hash), _of(owner)))
        except Conflict:
            return


def _key(tenant: str, key_hash: str) -> tuple[str, str]:
    return f"ANSWER#{tenant}", key_hash


def _object_key(tenant: str, key_hash: str) -> str:
    return f"jobs/{tenant}/answers/{key_hash}"


def _item(
    tenant: str, key_hash: str, answer: IdempotentResponse, owner: str, expires_at: int
) -> Item:
    pk, sk = _key(tenant, key_hash)
    return {
        "pk": pk,
        "sk": sk,
        "request_hash": answer.request_hash,
        "http_status": answer.status,
        "body": answer.body,
        "owner": owner,
        "expires_at": expires_at,
    }


def _of(owner: str) -> WriteCondition:
    return WriteCondition("#owner = :owner", {":owner": owner})
