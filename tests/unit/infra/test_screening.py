from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chalicelib.contracts.screening import CategoryPolicy, ScreeningPolicy
from chalicelib.errors import HeadraceError, InvalidInput, NotFound
from chalicelib.screening.policies import stage_policy
from infra.screening import apply_change, describe_policy, set_policy


@dataclass
class FakeRecords:
    """Policies in memory; `acme` is the only tenant."""

    kept: dict[str, ScreeningPolicy] = field(default_factory=dict)

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        return self.kept.get(tenant)

    def give_policy(self, tenant: str, policy: ScreeningPolicy) -> None:
        self.kept[tenant] = policy

    def drop_policy(self, tenant: str) -> None:
        self.kept.pop(tenant, None)

    def tenant_stays(self, tenant: str) -> bool:
        return tenant == "acme"


def test_what_is_said_should_hold_and_changes_build_on_what_is_there() -> None:
    records = FakeRecords()
    assert set_policy(records, "acme", None, []) is None
    assert set_policy(records, "acme", "refuse", []) == stage_policy("refuse")
    after = set_policy(
        records, "acme", None, ["threat:output=flag@0.9", "personal-data:input=mask"]
    )
    assert after is not None
    assert after == records.kept["acme"]
    assert after.categories["threat"] == CategoryPolicy(
        input="refuse", output="flag", threshold=0.9
    )
    assert after.categories["personal-data"].input == "mask"
    assert after.categories["hate"] == stage_policy("refuse").categories["hate"]


def test_a_tenant_should_have_the_stage_s_policy_again() -> None:
    records = FakeRecords({"acme": stage_policy("refuse")})
    assert set_policy(records, "acme", "stage", []) is None
    assert records.kept == {}
    assert describe_policy(None) == ["Nothing was given; the stage's policy holds."]


def test_what_holds_should_be_shown_a_line_a_category() -> None:
    policy = apply_change(ScreeningPolicy(), "threat:input=refuse@0.75")
    assert describe_policy(policy) == ["threat: input refuse, output off, from 0.75 on"]
    assert describe_policy(ScreeningPolicy()) == ["Nothing is screened."]


@pytest.mark.parametrize(
    ("tenant", "named", "changes", "kind", "words"),
    [
        ("nobody", None, [], NotFound, "no tenant"),
        ("acme", "strict", [], InvalidInput, "off, flag, refuse"),
        ("acme", None, ["threat"], InvalidInput, "such as"),
        ("acme", None, ["rain:input=flag"], InvalidInput, "rain"),
        ("acme", None, ["threat:input=sing"], InvalidInput, "sing"),
        ("acme", None, ["threat:input=flag@7"], InvalidInput, "less than or equal"),
        ("acme", None, ["threat:input=flag@1.1.1"], InvalidInput, "1.1.1"),
        ("acme", None, ["threat:input=mask"], InvalidInput, "cannot be masked"),
        ("acme", "stage", ["threat:input=flag"], InvalidInput, "stage's policy"),
    ],
)
def test_what_is_no_policy_should_be_refused_and_nothing_kept(
    tenant: str, named: str | None, changes: list[str], kind: type[HeadraceError], words: str
) -> None:
    records = FakeRecords()
    with pytest.raises(kind, match=words):
        set_policy(records, tenant, named, changes)
    assert records.kept == {}
