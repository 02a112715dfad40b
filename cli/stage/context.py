"""Common parts of operators' commands: the stage, the terminal, and the failures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from cli.failures import CommandError, UsageError
from cli.output import Output
from infra import stages
from infra.deployment.console import Advance
from infra.deployment.failures import DeploymentError, translate_errors
from infra.packaging.targets import PackagingError, require_stage_name
from infra.stages import Client

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class OperatorStage:
    """A stage and access to its account; `region` and `profile` may be left to boto3."""

    stage: str
    region: str | None
    profile: str | None
    given: Client | None = None
    """Makes the clients where whoever runs the command has their own, as a test does."""

    def clients(self) -> Client:
        """Return the client factory of the account."""
        return self.given or stages.client_factory(self.region, self.profile)


def stage_command(command: Callable[Concatenate[OperatorStage, P], R]) -> Callable[..., R]:
    """Pass a command the stage that its options name as first argument."""

    @functools.wraps(command)
    def prepared(
        *args: Any, stage: str, region: str | None, profile: str | None, **kwargs: Any
    ) -> R:
        try:
            require_stage_name(stage)
        except PackagingError as error:
            raise UsageError(f"--stage: {error}") from error
        given: Client | None = click.get_current_context().obj
        return command(OperatorStage(stage, region, profile, given), *args, **kwargs)

    wrapped: Callable[..., R] = prepared
    for option in reversed(_STAGE_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_STAGE_OPTIONS = (
    click.option("--stage", required=True, help="Name of the stage, such as dev or prod."),
    click.option("--region", help="AWS region. Default: the profile's or environment's."),
    click.option("--profile", help="Profile of the credentials. Default: the AWS CLI's default."),
)


@dataclass(frozen=True, slots=True)
class TerminalConsole:
    """Console on a terminal: output to standard output, questions on standard error."""

    output: Output

    def heading(self, text: str) -> None:
        """Print a heading."""
        self.output.line(f"\n{text}", "bold cyan")

    def line(self, text: str, style: str | None = None) -> None:
        """Print one line."""
        self.output.line(text, style)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table."""
        self.output.table(headings, rows)

    def confirm(self, question: str) -> bool:
        """Ask for a yes or no."""
        return click.confirm(question, err=True)

    def typed(self, question: str) -> str:
        """Ask for a word."""
        return str(click.prompt(question, err=True))

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Advance]:
        """Show progress up to `total` (0 if unknown) while the block runs."""
        with self.output.progress() as progress:
            task = progress.add_task(what, total=total or None)

            def advance(count: int, now: str) -> None:
                progress.update(task, advance=count, description=f"{what} {now}".rstrip())

            yield advance


@contextmanager
def translate_operator_errors() -> Iterator[None]:
    """Turn errors of operators' commands into failures that are printed."""
    try:
        with translate_errors():
            yield
    except (DeploymentError, PackagingError) as stopped:
        raise CommandError(str(stopped)) from stopped
