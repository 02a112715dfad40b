"""Limits of a stage, by how many functions its account runs at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.deployment.concurrency import concurrency_parameters
from infra.deployment.preflight.package_checks import DeploymentRequest
from infra.deployment.preflight.run import run_preflight
from tests.unit.infra.deployment.aws import fixed
from tests.unit.infra.deployment.driving import Driver, said
from tests.unit.infra.deployment.packages import SMALL

DEFAULTS = {"MaxRunningIngests": 20, "PartConcurrency": 20, "QueueConcurrency": 0}
FEW = fixed(
    AccountLimit={
        "ConcurrentExecutions": 20,
        "UnreservedConcurrentExecutions": 10,
        "TotalCodeSize": 75 * 1024**3,
    },
    AccountUsage={"TotalCodeSize": 0},
)


def request(driver: Driver, **given: str) -> DeploymentRequest:
    """Return the request for a stage whose template has the limits."""
    limits = {name: {"Type": "Number", "Default": value} for name, value in DEFAULTS.items()}
    template = {**SMALL, "Parameters": {**SMALL["Parameters"], **limits}}
    return driver.wish(given, template=template)


@given(st.integers(1, 100_000))
def test_ingests_with_all_their_parts_leave_functions_for_others(executions: int) -> None:
    """A small account keeps some for questions, beside two batches of each of two queues."""
    limits = {name: int(value) for name, value in concurrency_parameters(executions).items()}
    ingests = limits["MaxRunningIngests"] * limits["PartConcurrency"]
    assert ingests <= max(1, executions / 2)
    if executions >= 10:
        taken = ingests + limits["BatchConcurrency"] + 2 * limits["QueueConcurrency"]
        assert taken < executions
    assert limits["QueueConcurrency"] in (0, 2)


@pytest.mark.parametrize(
    ("executions", "limits"),
    [
        (10, ("4", "1", "1", "1", "2")),
        (100, ("20", "2", "10", "10", "0")),
        (1000, ("20", "20", "10", "10", "0")),
    ],
)
def test_the_limits_of_a_new_and_of_an_old_account(
    executions: int, limits: tuple[str, ...]
) -> None:
    """AWS: ten concurrent executions for new accounts, a thousand by default.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    assert tuple(concurrency_parameters(executions).values()) == limits


def test_a_new_stage_gets_the_limits_of_its_account_where_nobody_gave_others(
    driver: Driver,
) -> None:
    driver.answer(lambda__GetAccountSettings=FEW)
    plan, _ = run_preflight(driver.aws.client, request(driver, MaxRunningIngests="7"))
    assert plan is not None
    assert plan.parameters["MaxRunningIngests"] == "7"
    assert plan.parameters["PartConcurrency"] == "1"
    assert plan.parameters["QueueConcurrency"] == "2"


def test_limits_that_the_account_cannot_keep_are_a_warning_that_names_the_parameter(
    driver: Driver,
) -> None:
    driver.answer(lambda__GetAccountSettings=FEW)
    found = driver.look(request(driver, MaxRunningIngests="7", QueueConcurrency="0"))
    limits = [each for each in found if each.fix.startswith("--parameter")]
    assert said(limits) == [
        ("warning", "MaxRunningIngests is 7, and Lambda runs 10 functions at once"),
        ("warning", "QueueConcurrency is 0, and Lambda runs 10 functions at once"),
    ]
    assert limits[0].fix == "--parameter MaxRunningIngests=4"


def test_a_limit_that_is_no_number_or_that_aws_does_not_take_is_an_error(driver: Driver) -> None:
    driver.answer(lambda__GetAccountSettings=FEW)
    found = driver.look(request(driver, MaxRunningIngests="many"))
    (wrong,) = [each for each in found if each.severity == "error"]
    assert "MaxRunningIngests" in wrong.what
    found = driver.look(request(driver, QueueConcurrency="1"))
    errors = [each for each in found if each.severity == "error"]
    assert said(errors) == [("error", "QueueConcurrency is 1")]
