"""The `headrace` command and its exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata

import click

from cli.ask import ask, feedback, search
from cli.documents.commands import ls, rm, status
from cli.documents.put import put
from cli.documents.retry import retry
from cli.documents.sync import sync
from cli.failures import CommandError
from cli.jobs import embed_pictures, export, jobs, remove_collection, remove_tenant
from cli.lazy import LazyGroup
from cli.local.commands import down, up
from cli.local.faults import faults
from cli.models.commands import models
from cli.usage import budgets, usage
from cli.webhooks import webhooks

INTERRUPTED = 130


def version() -> str:
    """Return the installed version, or say that none is installed."""
    try:
        return metadata.version("headrace")
    except metadata.PackageNotFoundError:
        return "(not installed: run from its folder)"


@click.group(
    cls=LazyGroup,
    later={
        "batch": "cli.batch:batch",
        "collections": "cli.documents.collections:collections",
        "data": "cli.data.group:data",
        "demo": "cli.local.demo:demo",
        "deploy": "cli.stage.deploy:deploy_command",
        "destroy": "cli.stage.destroy:destroy",
        "evaluate": "cli.evaluation.group:evaluate",
        "evaluations": "cli.evaluation.commands:evaluations",
        "extract": "cli.extraction.extract:extract",
        "extractors": "cli.extraction.extractors:extractors",
        "generate": "cli.generate:generate",
        "improve": "cli.models.improve:improve",
        "minutes": "cli.documents.recordings:minutes",
        "mcp": "cli.mcp:mcp",
        "monitors": "cli.monitors:monitors",
        "labelling": "cli.labelling.group:labelling",
        "open": "cli.documents.content:open_command",
        "outline": "cli.documents.recordings:outline",
        "package": "cli.stage.package:package_command",
        "prompts": "cli.prompts.commands:prompts",
        "reviews": "cli.extraction.reviews:reviews",
        "rollouts": "cli.rollouts:rollouts",
        "schedules": "cli.schedules.commands:schedules",
        "train": "cli.models.train:train",
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 90},
)
@click.version_option(version(), prog_name="headrace")
def headrace() -> None:
    """Upload documents, ask questions about them, get cited answers.

    The commands talk to a running local cloud, or to a stage on AWS by --endpoint and --key.

    Exit codes: 0 done; 1 something was refused, rejected or failed; 2 wrong use; 3 the
    endpoint cannot be reached.
    """


for command in (
    up,
    down,
    put,
    sync,
    ls,
    rm,
    retry,
    search,
    ask,
    feedback,
    faults,
    status,
    models,
    export,
    jobs,
    embed_pictures,
    remove_collection,
    remove_tenant,
    usage,
    budgets,
    webhooks,
):
    headrace.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; failures are printed without a traceback."""
    try:
        code = headrace.main(args=arguments, prog_name="headrace", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except CommandError as failure:
        if str(failure):
            click.echo(f"Error: {failure}", err=True)
        return failure.exit_code
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command as a process."""
    sys.exit(run())
