"""The command `destroy`: remove a stage on AWS with everything in it."""

from __future__ import annotations

import click

from cli.failures import CommandError, ItemsFailedError
from cli.output import Output
from cli.stage.context import (
    OperatorStage,
    TerminalConsole,
    stage_command,
    translate_operator_errors,
)
from infra.deployment.access import identify_account
from infra.deployment.removal.inventory import take_inventory
from infra.deployment.removal.removal import StageRemoval
from infra.deployment.removal.report import show_inventory


@click.command()
@click.option(
    "--yes-destroy",
    "confirmed",
    metavar="STAGE",
    help="The stage's name again, instead of typing it when asked.",
)
@stage_command
def destroy(where: OperatorStage, confirmed: str | None) -> None:
    """Remove a stage from AWS: the stack, and all documents, vectors, records, keys and logs.

    Lists everything and asks for the stage's name first. This cannot be undone. After a failure,
    running it again continues.
    """
    voice, stage = TerminalConsole(Output()), where.stage
    with translate_operator_errors():
        account = identify_account(where.clients(), where.profile)
        inventory = take_inventory(account, stage)
        if inventory.is_empty:
            voice.line(f"There is nothing of {stage} in {account.id}, {account.region}.")
        else:
            voice.heading(f"The stage {stage} in {account.id}, {account.region}")
            show_inventory(inventory, voice)
            _demand_name(stage, confirmed, voice)
            voice.heading("Removal")
        left = StageRemoval(account, voice).run(inventory)
        if not inventory.is_empty:
            voice.line(f"The stage {stage} is removed.", "bold green")
        for each in left:
            voice.line(f"Left: {each}", "dim")


def _demand_name(stage: str, confirmed: str | None, voice: TerminalConsole) -> None:
    if confirmed is not None and confirmed != stage:
        raise CommandError(
            f"--yes-destroy says {confirmed}, and the stage is {stage}; nothing is done."
        )
    typed = confirmed or voice.typed(f"All of this will be gone. Type {stage} to remove it")
    if typed != stage:
        voice.line("Nothing was removed.", "yellow")
        raise ItemsFailedError
