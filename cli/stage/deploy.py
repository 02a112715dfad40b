"""The command `deploy`: a stage on AWS, from a package to a cited answer."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Sequence

import click

from cli.client import Api
from cli.failures import CommandError, UsageError
from cli.output import Output
from cli.stage.context import (
    OperatorStage,
    TerminalConsole,
    stage_command,
    translate_operator_errors,
)
from cli.stage.package_source import PackageOptions, package_options, resolve_package
from cli.stage.smoke import SmokeTest, SmokeTestError
from infra import tenants
from infra.deployment.deployment import DeploymentResult, DeployOptions, deploy, remove_old_bundles
from infra.deployment.package import read_package
from infra.deployment.preflight.package_checks import DeploymentRequest
from infra.deployment.preflight.run import require_preflight

_API_TIMEOUT = 60.0


@click.command("deploy")
@click.option(
    "--parameter",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Parameter of the template; may be repeated. Others keep their values in the stage.",
)
@click.option(
    "--allow-data-loss",
    multiple=True,
    metavar="RESOURCE",
    help="Allow replacing or removing this resource with its data; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--smoke-test/--no-smoke-test", default=True, help="Whether to test the deployed stage."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before changing the stage.")
@stage_command
@package_options
def deploy_command(
    where: OperatorStage,
    wanted: PackageOptions,
    given: tuple[str, ...],
    allow_data_loss: tuple[str, ...],
    dry_run: bool,
    smoke_test: bool,
    yes: bool,
) -> None:
    """Deploy a stage to AWS, or update it.

    Checks first and reports each problem with its fix. Shows every change before it is made. A
    deployment that fails is rolled back. Prints the first API key once.
    """
    output = Output()
    voice = TerminalConsole(output)
    parameters = parameters_of(given)
    with translate_operator_errors():
        client = where.clients()
        package = read_package(resolve_package(where, client, wanted, voice))
        voice.heading("Before the deployment")
        region = client("cloudformation").meta.region_name
        wish = DeploymentRequest(where.stage, region, package, parameters, where.profile)
        offers = sys.stdin.isatty() and not (yes or dry_run)
        plan = require_preflight(client, wish, voice, offers=offers)
        voice.line(f"{plan.stack_name} in {plan.account.id}, {plan.account.region}")
        voice.heading("Changes")
        deployed = deploy(plan, DeployOptions(dry_run, yes, allow_data_loss), voice)
        if deployed is None:
            return
        _show_outputs(deployed, voice)
        _first_key(deployed, voice)
        if smoke_test:
            voice.heading("Smoke test")
            _smoke(deployed, output)
        remove_old_bundles(deployed, voice)


def parameters_of(given: Sequence[str]) -> dict[str, str]:
    """Return the values of `NAME=VALUE` by name; raise `UsageError` for an invalid one."""
    parameters: dict[str, str] = {}
    for item in given:
        name, separator, value = item.partition("=")
        if not (separator and name):
            raise UsageError(f"--parameter {item!r} has no name and '='; write NAME=VALUE.")
        if name in parameters:
            raise UsageError(f"--parameter gives {name} twice.")
        parameters[name] = value
    return parameters


def _show_outputs(deployed: DeploymentResult, voice: TerminalConsole) -> None:
    voice.heading("Outputs")
    voice.table(("output", "value"), sorted(deployed.outputs.items()))


def _first_key(deployed: DeploymentResult, voice: TerminalConsole) -> None:
    home = tenants.storage_of(deployed.outputs)
    granted = tenants.create_first_tenant(deployed.account.client, home)
    if granted is None:
        return
    voice.heading("API key")
    voice.line(granted.key, "bold")
    voice.line(
        f"It acts for the tenant {granted.tenant}, and is shown this once: only its hash is kept."
    )


def _smoke(deployed: DeploymentResult, output: Output) -> None:
    """Test the stage as a temporary tenant."""
    name = f"check-{secrets.token_hex(4)}"
    home = tenants.storage_of(deployed.outputs)
    granted = tenants.create_with_key(
        deployed.account.client, home, name, "smoke test of a deployment"
    )
    api = Api(deployed.outputs["EndpointURL"], granted.key, timeout=_API_TIMEOUT)
    with contextlib.closing(api):
        try:
            SmokeTest(api, name, output).run()
        except SmokeTestError as failed:
            raise CommandError(f"{failed}\n{where_to_look(deployed, name)}") from failed
    output.line("The stage answers, with citations.", "bold green")


def where_to_look(deployed: DeploymentResult, tenant: str) -> str:
    """Return what to do about a deployed stage that does not answer as it should."""
    commands, stage = deployed.account.commands, deployed.stage
    machine = deployed.outputs.get("IngestMachineArn", "(the output IngestMachineArn)")
    executions = commands.aws(f"stepfunctions list-executions --state-machine-arn {machine}")
    return (
        "The stack stays as it is. Look at:\n"
        f"  {commands.aws(f'logs tail /headrace/{stage}/functions --since 15m')}\n"
        f"  {executions}\n"
        "To try again, deploy again. If the tenant of the test is left, make a key for it with\n"
        f"  {commands.tenant(stage, tenant)}\n"
        "and remove it with headrace remove-tenant."
    )
