"""Answers that are paid for once, on the local cloud's DynamoDB and S3."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.paid_answers import MOST_IN_RECORD, PaidAnswers
from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.idempotency import BEGUN, IdempotentResponse
from tests.cloud import CloudProcess
from tests.integration.adapters.test_stores import bucket, name, table

__all__ = ["bucket", "name", "table"]


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(cloud: CloudProcess, table: DynamoTable, bucket: str, clock: Clock) -> PaidAnswers:
    return PaidAnswers(table, S3Objects(cloud.client("s3")), bucket, clock)


def test_one_of_many_should_make_an_answer(answers: PaidAnswers) -> None:
    def begin(n: int) -> bool:
        return answers.begin_answer("acme", "k", "asked", f"r{n}", 60)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(16))) == 1
    assert answers.kept_answer("acme", "k") == IdempotentResponse("asked", BEGUN, b"")
    assert answers.kept_answer("rival", "k") is None


def test_what_was_begun_and_never_ended_should_expire(answers: PaidAnswers, clock: Clock) -> None:
    assert answers.begin_answer("acme", "k", "asked", "first", 60)
    clock.now += 60
    assert answers.kept_answer("acme", "k") is None
    assert answers.begin_answer("acme", "k", "asked", "second", 60)
    late = IdempotentResponse("asked", 200, b"late")
    assert not answers.end_answer("acme", "k", "first", late, 90)
    answers.drop_answer("acme", "k", "first")
    made = IdempotentResponse("asked", 200, b"made")
    assert answers.end_answer("acme", "k", "second", made, 90)
    assert answers.kept_answer("acme", "k") == made
    clock.now += 90
    assert answers.kept_answer("acme", "k") is None


def test_what_failed_for_nothing_should_be_free_again(answers: PaidAnswers) -> None:
    assert answers.begin_answer("acme", "k", "asked", "first", 60)
    answers.drop_answer("acme", "k", "first")
    assert answers.kept_answer("acme", "k") is None
    assert answers.begin_answer("acme", "k", "asked", "second", 60)


@pytest.mark.parametrize("size", [MOST_IN_RECORD, MOST_IN_RECORD + 1, 5_000_000])
def test_answers_of_any_size_should_be_kept(answers: PaidAnswers, size: int) -> None:
    made = IdempotentResponse("asked", 200, os.urandom(size))
    assert answers.begin_answer("acme", "k", "asked", "first", 60)
    assert answers.end_answer("acme", "k", "first", made, 90)
    assert answers.kept_answer("acme", "k") == made
