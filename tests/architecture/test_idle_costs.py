"""A stage that nobody uses costs nothing: held by pricing all that the template lists."""

from __future__ import annotations

from decimal import Decimal

from chalicelib.generation.catalogue import catalogue
from infra.costs.idle import FREE, RULES, SWEEP_READS, cost_lines, idle_charges
from tests.architecture.templates import plain

CENT = Decimal("0.01")
LISTED_AT_MOST = Decimal("0.40")
"""The most dollars a month, at list prices, of the sweeps and the pollers of three queues."""
STANDING = {
    *("sqs.request", "lambda.request", "lambda.gb_second.arm64"),
    *("dynamodb.read_request_unit", "cloudwatch.logs.gb", "xray.trace"),
}
"""All that a stage as it comes may use while nothing happens."""


def test_every_type_of_resource_should_have_a_standing_price() -> None:
    kinds = {resource["Type"] for resource in plain("dev")["Resources"].values()}
    assert kinds <= FREE.keys() | RULES.keys()


def test_every_sweep_should_be_billed_by_the_queries_that_it_makes() -> None:
    charges = idle_charges(plain("prod"), {"Stage": "prod"})
    sweeps = {each.resource for each in charges if each.unit == "dynamodb.read_request_unit"}
    assert sweeps == SWEEP_READS.keys()


def test_an_idle_stage_should_cost_less_than_a_cent() -> None:
    for name in ("dev", "prod"):
        found = cost_lines(idle_charges(plain(name), {"Stage": name}), catalogue())
        assert {line.unit for line in found} <= STANDING
        assert sum(line.charged for line in found) < CENT
        assert sum(line.listed for line in found) < LISTED_AT_MOST
