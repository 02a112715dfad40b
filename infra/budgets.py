"""Set and show the limits of a tenant, of one of its keys or of one of its models.

    python -m infra.budgets --stage prod acme                            what it was given
    python -m infra.budgets --stage prod acme --daily 5 --monthly 100    of the tenant
    python -m infra.budgets --stage prod acme --key 3f9a17c2b4d0 --requests 60
    python -m infra.budgets --stage prod acme --key '*' --daily 1        of each key without its own
    python -m infra.budgets --stage prod acme --model '*' --tokens none  no limit
    python -m infra.budgets --stage prod acme --daily stage              as the stage has it again

A key is named by the 12 characters that access logs have of it. What is said holds from the next
request on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.budgets import BudgetRecords
from chalicelib.budgets.limits import LimitScope
from chalicelib.contracts.budgets import LimitsGiven, TenantLimitsGiven
from chalicelib.errors import HeadraceError, InvalidInput, NotFound
from infra import stages

NO_LIMIT = "none"
AS_THE_STAGE = "stage"
_OPTIONS = {
    "daily": ("dollars_a_day", "DOLLARS", "dollars a day, in UTC"),
    "monthly": ("dollars_a_month", "DOLLARS", "dollars a month"),
    "requests": ("requests_a_minute", "COUNT", "calls of models a minute"),
    "tokens": ("tokens_a_minute", "COUNT", "tokens a minute, in and out"),
}


def set_limits(
    records: BudgetRecords, tenant: str, scope: LimitScope, said: Mapping[str, str]
) -> TenantLimitsGiven:
    """Set the limits in `said`, keyed by the fields of `LimitsGiven`, and return all limits.

    Raises:
        NotFound: there is no such tenant, or it is being removed.
        InvalidInput: a limit is no number, or out of bounds.
        Conflict: somebody else changes the tenant's limits just now.
    """
    if not records.tenant_exists(tenant):
        raise NotFound(f"There is no tenant {tenant}, or it is being removed.", field="tenant")
    before = records.limits(tenant)
    if not said:
        return before
    after = with_limits(before, scope, said)
    records.replace_limits(tenant, before, after)
    return after


def with_limits(
    before: TenantLimitsGiven, scope: LimitScope, said: Mapping[str, str]
) -> TenantLimitsGiven:
    """Return `before` with the limits of `scope` changed; a scope without limits is left out.

    Raises:
        InvalidInput: a limit is no number, or out of bounds.
    """
    if scope.kind == "tenant":
        return _changed(before, "tenant", _apply_options(before.tenant, said))
    held = before.keys if scope.kind == "key" else before.models
    given = _apply_options(held.get(scope.name, LimitsGiven()), said)
    others = {name: each for name, each in held.items() if name != scope.name}
    named = {**others, scope.name: given} if given.model_fields_set else others
    return _changed(before, f"{scope.kind}s", named)


def describe_limits(limits: TenantLimitsGiven) -> list[str]:
    """Return the limits as text, one line per limit."""
    scopes = [("tenant", limits.tenant)]
    scopes += [(f"key {name}", each) for name, each in sorted(limits.keys.items())]
    scopes += [(f"model {name}", each) for name, each in sorted(limits.models.items())]
    return [
        f"{name}: {_amount(getattr(each, field))} {meant}"
        for name, each in scopes
        for field, _, meant in _OPTIONS.values()
        if field in each.model_fields_set
    ]


def _changed(
    before: TenantLimitsGiven, name: str, value: LimitsGiven | Mapping[str, LimitsGiven]
) -> TenantLimitsGiven:
    return before.model_copy(update={name: value})


def _apply_options(before: LimitsGiven, said: Mapping[str, str]) -> LimitsGiven:
    fields = {name: getattr(before, name) for name in before.model_fields_set}
    for name, text in said.items():
        fields.pop(name, None)
        if text != AS_THE_STAGE:
            fields[name] = None if text == NO_LIMIT else _number(name, text)
    try:
        return LimitsGiven(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise InvalidInput(f"{name}: {first['msg']}.", field=name) from error


def _number(name: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(
            f"{name} is {text!r}; it must be a number, {NO_LIMIT} or {AS_THE_STAGE}.", field=name
        ) from error


def _amount(value: Decimal | int | None) -> str:
    return "no limit on" if value is None else str(value)


def _scope(key: str | None, model: str | None) -> LimitScope:
    if key is not None:
        return LimitScope("key", key)
    return LimitScope("tenant") if model is None else LimitScope("model", model)


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or change the limits of a tenant, a key or a model."""
    parser = argparse.ArgumentParser(prog="python -m infra.budgets", description=main.__doc__)
    stages.add_options(parser)
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--key", help="of one key, or of each by *, not of the tenant")
    whose.add_argument("--model", help="of one model, or of each by *, not of the tenant")
    for option, (_, of, meant) in _OPTIONS.items():
        parser.add_argument(f"--{option}", metavar=of, help=f"{meant}; or none, or stage")
    parser.add_argument("tenant")
    chosen = parser.parse_args(arguments)
    values = {
        field: text
        for option, (field, _, _) in _OPTIONS.items()
        if (text := getattr(chosen, option)) is not None
    }
    try:
        at = stages.connect(chosen.stage, chosen.cloud_file, chosen.region, chosen.profile)
        records = BudgetRecords(DynamoTable(at.client("dynamodb"), at.outputs["RecordsTableName"]))
        limits = set_limits(records, chosen.tenant, _scope(chosen.key, chosen.model), values)
    except (ValueError, HeadraceError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the operator has to know
        return 1
    for line in describe_limits(limits) or ["Nothing was given; the stage's limits hold."]:
        print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
