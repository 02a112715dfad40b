"""Prompts that many save at once, on the local cloud's DynamoDB."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.evaluations import VerdictTable
from chalicelib.adapters.records.prompts import PromptTable
from chalicelib.contracts.prompts import SavedPrompt
from chalicelib.errors import NotFound
from chalicelib.prompts.library import PromptLibrary
from chalicelib.prompts.validation import check_prompt
from tests.integration.adapters.test_stores import name, table
from tests.unit.prompts.examples import content
from tests.unit.prompts.fakes import NOW

__all__ = ["name", "table"]

TENANT = "acme"


def pause(attempt: int) -> None:
    if attempt:
        time.sleep(random.uniform(0, 0.05))


@pytest.fixture
def prompts(table: DynamoTable) -> PromptLibrary:
    return PromptLibrary(
        PromptTable(table), check_prompt, lambda: NOW, pause, VerdictTable(table, lambda: NOW)
    )


def test_all_who_save_at_once_get_versions_of_their_own(prompts: PromptLibrary) -> None:
    def save(n: int) -> SavedPrompt:
        return prompts.save(TENANT, "sum-up", content(role=f"Role {n}."))

    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(save, range(16)))
    assert sorted(each.version for each in saved) == [*range(1, 17)]
    for n, each in enumerate(saved):
        assert prompts.version(TENANT, "sum-up", each.version).content.role == f"Role {n}."
    head = prompts.head(TENANT, "sum-up")
    assert (head.latest, head.versions, head.numbered) == (16, 16, 16)


def test_all_who_save_the_same_at_once_get_one_version(prompts: PromptLibrary) -> None:
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda _: prompts.save(TENANT, "sum-up", content()), range(16)))
    assert {each.version for each in saved} == {1}
    assert sum(each.created for each in saved) == 1


def test_a_label_never_points_to_what_is_gone(prompts: PromptLibrary) -> None:
    for n in range(8):
        prompts.save(TENANT, "sum-up", content(role=f"Role {n}."))

    def remove(number: int) -> None:
        try:
            prompts.remove_version(TENANT, "sum-up", number)
        except Exception as error:  # noqa: BLE001 - told below
            outcomes.append(type(error).__name__)

    def point(number: int) -> None:
        try:
            prompts.point(TENANT, "sum-up", f"label-{number}", number)
        except NotFound:
            outcomes.append("NotFound")

    outcomes: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        for number in range(1, 8):
            pool.submit(remove, number)
            pool.submit(point, number)
    head = prompts.head(TENANT, "sum-up")
    numbers = prompts.records.numbers(TENANT, "sum-up")
    assert set(head.labels.values()) <= set(numbers)
    assert head.versions == len(numbers)
    assert len(outcomes) == 7, "of each two, one came too late"
    assert set(outcomes) <= {"NotFound", "Conflict"}
