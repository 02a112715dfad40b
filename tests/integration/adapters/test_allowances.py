"""Which models a tenant may use, in the records table of the local cloud."""

from __future__ import annotations

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.models import ALLOWED_MODELS, AllowedModelRecords
from chalicelib.adapters.records.tenant_cache import TenantCache
from chalicelib.adapters.records.writes import tenant_key, tenant_pk
from chalicelib.errors import HeadraceError
from tests.integration.adapters.test_stores import name, table

__all__ = ["name", "table"]


def test_what_is_allowed_should_hold_for_its_tenant_alone_and_be_taken_back(
    table: DynamoTable,
) -> None:
    records = AllowedModelRecords(table)
    assert records.allowed("acme") is None
    records.allow("acme", ["nova-micro", "nova-lite"])
    assert records.allowed("acme") == frozenset({"nova-micro", "nova-lite"})
    assert records.allowed("other") is None
    records.allow_all("acme")
    assert records.allowed("acme") is None


def test_nothing_should_pass_by_what_cannot_be_read(table: DynamoTable) -> None:
    table.put(Put({"pk": tenant_pk("acme"), "sk": ALLOWED_MODELS, "models": "{"}))
    with pytest.raises(HeadraceError, match="cannot be read"):
        AllowedModelRecords(table).allowed("acme")


def test_a_tenant_that_is_being_removed_should_not_be_given_models(table: DynamoTable) -> None:
    pk, sk = tenant_key("acme")
    assert not AllowedModelRecords(table).tenant_exists("acme")
    table.put(Put({"pk": pk, "sk": sk}))
    assert AllowedModelRecords(table).tenant_exists("acme")
    table.put(Put({"pk": pk, "sk": sk, "removing": "job"}))
    assert not AllowedModelRecords(table).tenant_exists("acme")


def test_what_was_read_should_be_believed_for_as_long_as_is_said(table: DynamoTable) -> None:
    records, now = AllowedModelRecords(table), [0.0]
    believed = TenantCache(records.allowed, lambda: now[0], 30.0)
    assert believed("acme") is None
    records.allow("acme", ["nova-micro"])
    now[0] = 29.0
    assert believed("acme") is None
    now[0] = 30.0
    assert believed("acme") == frozenset({"nova-micro"})
