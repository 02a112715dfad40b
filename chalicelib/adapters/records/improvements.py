"""Plans and runs that improve models, in the records table.

    TENANT#<tenant>   IMPROVE#PLAN#<model>          the plan; `open` is its open run, `pairs` those
                                                    of the last run
    TENANT#<tenant>   IMPROVE#RUN#<model>#<run>     a run; expires 400 days after its last change

A model has one open run at most: the plan's record is changed in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.adapters.dynamodb import (
    DynamoTable,
    Key,
    Put,
    TransactionRefused,
    Update,
    Value,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.writes import ABSENT, tenant_pk, tenant_stays
from chalicelib.contracts.improvement import ImprovementPlan, ImprovementRun
from chalicelib.errors import Conflict

RUN_DAYS = 400


class ImprovementTable:
    """Stores plans and runs."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def put_plan(self, plan: ImprovementPlan) -> None:
        """Store a plan in place of the one before; an open run goes on.

        Raises:
            Conflict: there is no such tenant, or it is being removed.
        """
        written = Update(
            _plan_key(plan.tenant, plan.model),
            "SET #plan = :plan, #open = if_not_exists(#open, :none),"
            " #pairs = if_not_exists(#pairs, :zero)",
            {":plan": plan.model_dump_json(), ":none": "", ":zero": 0},
        )
        try:
            self._table.transact([written, tenant_stays(plan.tenant)])
        except TransactionRefused as error:
            raise Conflict(f"There is no tenant {plan.tenant}.", field="tenant") from error

    def plan(self, tenant: str, model: str) -> ImprovementPlan | None:
        """Return the plan of a model, or None."""
        item = self._table.get(_plan_key(tenant, model))
        return None if item is None else ImprovementPlan.model_validate_json(item["plan"])

    def last_pairs(self, tenant: str, model: str) -> int:
        """Return how many pairs the last run of a model had."""
        item = self._table.get(_plan_key(tenant, model))
        return 0 if item is None else int(item["pairs"])

    def run(self, tenant: str, model: str, run_id: str) -> ImprovementRun | None:
        """Return a run, or None."""
        item = self._table.get(_run_key(tenant, model, run_id))
        return None if item is None else ImprovementRun.model_validate_json(item["run"])

    def runs(self, tenant: str, model: str) -> Sequence[ImprovementRun]:
        """Return the runs of a model, newest first."""
        found = self._table.query(tenant_pk(tenant), f"{_RUN}{model}#")
        runs = [ImprovementRun.model_validate_json(item["run"]) for item in found]
        return sorted(runs, key=lambda each: each.begun_at, reverse=True)

    def open(self, run: ImprovementRun) -> bool:
        """Store a new run as the open one; return False if another is open, or the tenant leaves.

        A run of that id that is there stays; then it is False, too.
        """
        claimed = Update(
            _plan_key(run.tenant, run.model),
            "SET #open = :run, #pairs = :pairs",
            {":run": run.run_id, ":pairs": run.pairs},
            WriteCondition("#open = :none", {":none": ""}),
        )
        try:
            self._table.transact([Put(_item(run), ABSENT), claimed, tenant_stays(run.tenant)])
        except TransactionRefused:
            return False
        return True

    def change(self, after: ImprovementRun) -> bool:
        """Store what follows revision `after.revision - 1`; return False if that has changed."""
        same = WriteCondition("#revision = :revision", {":revision": after.revision - 1})
        writes: list[Write] = [Put(_item(after), same)]
        if not after.is_open:
            key = _plan_key(after.tenant, after.model)
            own = WriteCondition("#open = :run", {":run": after.run_id})
            writes.append(Update(key, "SET #open = :none", {":none": ""}, own))
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return False
        return True


_RUN = "IMPROVE#RUN#"


def _plan_key(tenant: str, model: str) -> Key:
    return tenant_pk(tenant), f"IMPROVE#PLAN#{model}"


def _run_key(tenant: str, model: str, run_id: str) -> Key:
    return tenant_pk(tenant), f"{_RUN}{model}#{run_id}"


def _item(run: ImprovementRun) -> dict[str, Value]:
    pk, sk = _run_key(run.tenant, run.model, run.run_id)
    return {
        "pk": pk,
        "sk": sk,
        "run": run.model_dump_json(),
        "revision": run.revision,
        "expires_at": int((run.updated_at + timedelta(days=RUN_DAYS)).timestamp()),
    }
