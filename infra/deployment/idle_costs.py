"""Idle costs of a stage, shown before it is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from chalicelib.generation.catalogue import catalogue
from infra.costs.idle import UnknownCostError, cost_lines, idle_charges
from infra.deployment.artifacts import KEPT_DEPLOYMENTS
from infra.deployment.plan import DeploymentPlan

_GB = 1024**3


def idle_lines(plan: DeploymentPlan) -> Iterator[str]:
    """Yield the cost of a month without any use at list price, most expensive first."""
    prices = catalogue()
    try:
        lines = cost_lines(idle_charges(plan.package.template, plan.effective), prices)
    except UnknownCostError as unknown:
        yield f"What it costs when idle is not known: {unknown}"
        return
    listed = sum(line.listed for line in lines)
    charged = sum(line.charged for line in lines)
    yield (
        f"Idle, a month costs ${charged:.4f} (${listed:.4f} before what an account has free), "
        "and what is stored."
    )
    for line in lines:
        if line.charged:
            yield f"  {line.unit}: {line.quantity.normalize():f}, ${line.charged:.4f}"
    size = Decimal(sum(each.size for each in plan.package.artifacts())) / _GB
    dollars = size * prices.price("s3.storage.gb_month").dollars
    yield (
        f"  bundles in {plan.account.artifacts_bucket}: {size:.3f} GB, ${dollars:.4f} a month; "
        f"those of {KEPT_DEPLOYMENTS} deployments are kept."
    )
