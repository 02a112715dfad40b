"""Prompts in the records table, on a DynamoDB in this process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.evaluations import VerdictTable
from chalicelib.adapters.records.prompts import PromptTable
from chalicelib.adapters.records.tenant_erasure import TenantErasure
from chalicelib.contracts.evaluations.verdicts import SuiteVerdict
from chalicelib.contracts.prompts import MAX_BODY_BYTES, PromptSuite
from chalicelib.errors import Conflict, NotFound
from chalicelib.prompts.library import PromptLibrary
from chalicelib.prompts.records import PromptChange, PromptHead, StoredVersion
from tests.clients import client
from tests.unit.ingest.conftest import dynamodb, table
from tests.unit.prompts.examples import content
from tests.unit.prompts.fakes import NOW, FakeVerdicts

__all__ = ["dynamodb", "table"]

TENANT = "acme"


@pytest.fixture
def kept(table: DynamoTable) -> PromptTable:
    return PromptTable(table)


@pytest.fixture
def prompts(kept: PromptTable) -> PromptLibrary:
    return PromptLibrary(
        kept, lambda content: None, lambda: NOW, lambda attempt: None, FakeVerdicts()
    )


def save(prompts: PromptLibrary, *roles: str, name: str = "sum-up") -> list[int]:
    return [prompts.save(TENANT, name, content(role=role)).version for role in roles]


def test_should_keep_a_prompt_as_it_is(kept: PromptTable, prompts: PromptLibrary) -> None:
    assert save(prompts, "One. {{ audience }} ü", "Two.") == [1, 2]
    prompts.point(TENANT, "sum-up", "production", 1)
    head = kept.head(TENANT, "sum-up")
    assert head == PromptHead(
        name="sum-up",
        created_at=NOW,
        updated_at=NOW,
        description="Sums up a report.",
        numbered=2,
        latest=2,
        sha256=prompts.version(TENANT, "sum-up", 2).sha256,
        versions=2,
        labels={"production": 1},
        revision=3,
    )
    found = prompts.version(TENANT, "sum-up", "production")
    assert found.content == content(role="One. {{ audience }} ü")
    assert found.created_at == NOW


def test_should_list_heads_by_name_and_versions_newest_first(
    kept: PromptTable, prompts: PromptLibrary
) -> None:
    save(prompts, *(f"Role {n}." for n in range(12)))
    save(prompts, "Role.", name="sum")
    save(prompts, "Role.", name="sum-up-2")
    assert [head.name for head in kept.heads(TENANT, "")] == ["sum", "sum-up", "sum-up-2"]
    assert [head.name for head in kept.heads(TENANT, "sum")] == ["sum-up", "sum-up-2"]
    newest = [each.number for each in kept.versions(TENANT, "sum-up", 0)]
    assert newest == [*range(12, 0, -1)], "none of the prompt whose name begins alike"
    assert [each.number for each in kept.versions(TENANT, "sum-up", 3)] == [2, 1]
    assert kept.numbers(TENANT, "sum-up") == [*range(1, 13)]


def test_should_change_nothing_where_a_condition_does_not_hold(
    kept: PromptTable, prompts: PromptLibrary
) -> None:
    save(prompts, "One.")
    head = kept.head(TENANT, "sum-up")
    assert head is not None
    stale = PromptHead("sum-up", NOW, NOW, revision=9)
    body = StoredVersion(2, "00", "{}", NOW)
    for before, change in (
        (None, PromptChange(head, added=body)),
        (stale, PromptChange(head, added=body)),
        (head, PromptChange(head, added=StoredVersion(1, "00", "{}", NOW))),
        (head, PromptChange(head, removed=2)),
        (head, PromptChange(head, needed=2)),
    ):
        assert kept.change(TENANT, before, change) is False
    assert kept.head(TENANT, "sum-up") == head
    assert kept.numbers(TENANT, "sum-up") == [1]
    assert kept.change(TENANT, head, PromptChange(head, added=body)) is True


def test_should_remove_versions_and_prompts(kept: PromptTable, prompts: PromptLibrary) -> None:
    save(prompts, "One.", "Two.", "Three.")
    prompts.point(TENANT, "sum-up", "production", 2)
    with pytest.raises(Conflict):
        prompts.remove_version(TENANT, "sum-up", 2)
    prompts.remove_version(TENANT, "sum-up", 3)
    assert prompts.head(TENANT, "sum-up").latest == 2
    prompts.unpoint(TENANT, "sum-up", "production")
    prompts.remove(TENANT, "sum-up")
    with pytest.raises(NotFound):
        prompts.head(TENANT, "sum-up")
    assert kept.numbers(TENANT, "sum-up") == []


def test_should_let_a_head_without_versions_expire(
    table: DynamoTable, prompts: PromptLibrary
) -> None:
    key = (f"TENANT#{TENANT}", "PROMPTS#sum-up")
    save(prompts, "One.")
    assert "expires_at" not in (table.get(key) or {})
    prompts.remove(TENANT, "sum-up")
    assert (table.get(key) or {})["expires_at"] == (NOW + timedelta(days=400)).timestamp()
    assert save(prompts, "Two.") == [2]
    assert "expires_at" not in (table.get(key) or {})


def test_should_keep_the_largest_body_that_is_let_in(prompts: PromptLibrary) -> None:
    turns = [{"name": f"t{n}", "template": "x" * 64_000} for n in range(4)]
    large = content(turns=turns)
    saved = prompts.save(TENANT, "large", large)
    assert MAX_BODY_BYTES * 0.97 < saved.bytes <= MAX_BODY_BYTES
    assert prompts.version(TENANT, "large", 1).content == large


def test_should_go_with_its_tenant(
    table: DynamoTable, kept: PromptTable, prompts: PromptLibrary
) -> None:
    save(prompts, "One.", "Two.")
    save(prompts, "One.", name="other")
    prompts.save("rival", "sum-up", content())
    erasure = TenantErasure(client("s3"), client("s3vectors"), table)
    assert erasure.erase_records(TENANT, "job", 500) == 5
    assert list(kept.heads(TENANT, "")) == []
    assert kept.numbers(TENANT, "sum-up") == []
    assert kept.numbers("rival", "sum-up") == [1]


def test_a_suite_and_its_overrides_should_be_kept(prompts: PromptLibrary) -> None:
    prompts.save(TENANT, "sum-up", content(role="One."))
    suite = PromptSuite(name="station", sha256="s" * 64, labels=("production",))
    prompts.guard(TENANT, "sum-up", suite)
    view = prompts.point(TENANT, "sum-up", "production", 1, override="A fire.", key="k1")
    head = prompts.head(TENANT, "sum-up")
    assert (head.suite, head.overrides) == (suite, view.overrides)


def test_a_verdict_should_be_found_by_its_version_and_suite(
    prompts: PromptLibrary, table: DynamoTable
) -> None:
    verdicts = VerdictTable(table, lambda: NOW)
    told = SuiteVerdict(
        evaluation_id="e", suite="s", sha256="a" * 64, version=1, passed=True, at=NOW
    )
    prompts.save(TENANT, "sum-up", content(role="One."))
    verdicts.record(TENANT, "sum-up", 1, told)
    assert verdicts.verdict(TENANT, "sum-up", 1, "a" * 64) == told
    assert verdicts.verdict(TENANT, "sum-up", 2, "a" * 64) is None
    assert verdicts.verdict(TENANT, "sum-up", 1, "b" * 64) is None
    assert verdicts.labelled(TENANT, "sum-up", "a" * 64) is None
    prompts.guard(TENANT, "sum-up", PromptSuite(name="s", sha256="a" * 64, labels=("live",)))
    prompts.point(TENANT, "sum-up", "live", 1, override="First.")
    assert verdicts.labelled(TENANT, "sum-up", "a" * 64) == told
    assert not verdicts.suite_required(TENANT)
