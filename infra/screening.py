"""Set and show the screening policy of a tenant's model calls.

    python -m infra.screening --stage prod acme                     what it was given
    python -m infra.screening --stage prod acme --policy refuse     off, flag or refuse, as a stage
    python -m infra.screening --stage prod acme --set personal-data:input=mask
    python -m infra.screening --stage prod acme --set threat:output=refuse@0.9
    python -m infra.screening --stage prod acme --policy stage      as the stage has it again

What is set changes the policy that is given, or that the tenant has already; a number behind @ is
the least score that counts. What is said holds from the next request on.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.screening import ScreeningTable
from chalicelib.contracts.screening import CategoryPolicy, ScreeningPolicy
from chalicelib.errors import HeadraceError, InvalidInput, NotFound
from chalicelib.screening.policies import check_policy, stage_policy
from infra import stages

AS_THE_STAGE = "stage"
_SET = re.compile(
    r"(?P<category>[a-z-]+):(?P<side>input|output)=(?P<action>[a-z]+)(?:@(?P<least>[\d.]+))?"
)


class ScreeningPolicyRecords(Protocol):
    """Storage of screening policies, as `ScreeningTable` implements it."""

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the tenant's own policy."""

    def give_policy(self, tenant: str, policy: ScreeningPolicy) -> None:
        """Set the tenant's own policy."""

    def drop_policy(self, tenant: str) -> None:
        """Delete the tenant's own policy, so that the stage's applies."""

    def tenant_stays(self, tenant: str) -> bool:
        """Return whether the tenant exists and is not being removed."""


def set_policy(
    records: ScreeningPolicyRecords, tenant: str, named: str | None, changes: Sequence[str]
) -> ScreeningPolicy | None:
    """Change the tenant's policy; return its own policy, or None if the stage's applies.

    Raises:
        NotFound: there is no such tenant, or it is being removed.
        InvalidInput: the policy or a change is invalid.
    """
    if not records.tenant_stays(tenant):
        raise NotFound(f"There is no tenant {tenant}, or it is being removed.", field="tenant")
    if named == AS_THE_STAGE:
        if changes:
            raise InvalidInput(
                "A tenant that has the stage's policy cannot change it.", field="set"
            )
        records.drop_policy(tenant)
        return None
    before = records.policy(tenant)
    if named is None and not changes:
        return before
    policy = stage_policy(named) if named is not None else before or ScreeningPolicy()
    for change in changes:
        policy = apply_change(policy, change)
    check_policy(policy)
    records.give_policy(tenant, policy)
    return policy


def apply_change(policy: ScreeningPolicy, change: str) -> ScreeningPolicy:
    """Return `policy` with a change such as `personal-data:input=mask`.

    Raises:
        InvalidInput: the change is invalid.
    """
    parts = _SET.fullmatch(change)
    if parts is None:
        raise InvalidInput(
            f"{change!r} is no change; one is such as personal-data:input=mask or"
            " threat:output=refuse@0.9.",
            field="set",
        )
    before: dict[str, dict[str, Any]] = {
        name: each.model_dump() for name, each in policy.categories.items()
    }
    held = before.get(parts["category"], CategoryPolicy().model_dump())
    held |= {parts["side"]: parts["action"]}
    held |= {"threshold": parts["least"]} if parts["least"] else {}
    try:
        return ScreeningPolicy.model_validate({"categories": before | {parts["category"]: held}})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise InvalidInput(f"{change!r} is no change: {first}.", field="set") from error


def describe_policy(policy: ScreeningPolicy | None) -> list[str]:
    """Return the policy as text, one line per category."""
    if policy is None:
        return ["Nothing was given; the stage's policy holds."]
    lines = [
        f"{name}: input {held.input}, output {held.output}, from {held.threshold:g} on"
        for name, held in sorted(policy.categories.items())
    ]
    return lines or ["Nothing is screened."]


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or change a tenant's policy."""
    parser = argparse.ArgumentParser(prog="python -m infra.screening", description=main.__doc__)
    stages.add_options(parser)
    parser.add_argument("--policy", metavar="NAME", help="off, flag, refuse, or stage")
    parser.add_argument("--set", action="append", default=[], metavar="CHANGE", dest="changes")
    parser.add_argument("tenant")
    chosen = parser.parse_args(arguments)
    try:
        at = stages.connect(chosen.stage, chosen.cloud_file, chosen.region, chosen.profile)
        records = ScreeningTable(DynamoTable(at.client("dynamodb"), at.outputs["RecordsTableName"]))
        policy = set_policy(records, chosen.tenant, chosen.policy, chosen.changes)
    except (ValueError, HeadraceError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the operator has to know
        return 1
    for line in describe_policy(policy):
        print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
