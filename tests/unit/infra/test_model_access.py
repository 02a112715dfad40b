"""What an operator lets a tenant use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import pytest

from chalicelib.errors import NotFound
from chalicelib.generation.model_file import served_models
from infra.model_access import describe_allowed, set_allowed_models


@dataclass
class FakeRecords:
    """Allowances in memory; `acme` is the only tenant."""

    kept: dict[str, frozenset[str]] = field(default_factory=dict)

    def allowed(self, tenant: str) -> frozenset[str] | None:
        return self.kept.get(tenant)

    def allow(self, tenant: str, models: Collection[str]) -> None:
        self.kept[tenant] = frozenset(models)

    def allow_all(self, tenant: str) -> None:
        self.kept.pop(tenant, None)

    def tenant_exists(self, tenant: str) -> bool:
        return tenant == "acme"


def test_what_is_said_should_take_the_place_of_what_was_and_be_taken_back() -> None:
    records = FakeRecords()
    assert set_allowed_models(records, served_models(), "acme", [], every=False) is None
    assert set_allowed_models(
        records, served_models(), "acme", ["nova-micro", "nova-lite"], every=False
    ) == frozenset({"nova-micro", "nova-lite"})
    assert set_allowed_models(
        records, served_models(), "acme", ["nova-lite"], every=False
    ) == frozenset({"nova-lite"})
    assert set_allowed_models(records, served_models(), "acme", [], every=False) == frozenset(
        {"nova-lite"}
    )
    assert set_allowed_models(records, served_models(), "acme", [], every=True) is None


def test_it_should_be_shown_a_line_a_model_and_tell_those_that_are_gone() -> None:
    assert describe_allowed(None, served_models()) == ["Nothing was said; every model may be used."]
    found = describe_allowed(frozenset({"nova-micro", "a-model-of-before"}), served_models())
    assert found == ["a-model-of-before (not served any more)", "nova-micro"]


@pytest.mark.parametrize(
    ("tenant", "model", "field"), [("nobody", "nova-micro", "tenant"), ("acme", "gpt-9", "model")]
)
def test_who_is_not_there_should_be_named_and_nothing_changed(
    tenant: str, model: str, field: str
) -> None:
    records = FakeRecords()
    with pytest.raises(NotFound) as caught:
        set_allowed_models(records, served_models(), tenant, [model], every=False)
    assert caught.value.field == field
    assert records.kept == {}
