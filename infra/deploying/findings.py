"""What a look before the deployment finds, and how all looks are taken before any of it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying.failures import in_words, is_about_credentials, is_denied, is_passing

Severity = Literal["error", "warning"]
Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, why that matters, and the command or place that mends it."""

    severity: Severity
    what: str
    why: str
    fix: str


def error(what: str, why: str, fix: str) -> Finding:
    """Return a finding that stops the deployment."""
    return Finding("error", what, why, fix)


def warning(what: str, why: str, fix: str) -> Finding:
    """Return a finding that does not."""
    return Finding("warning", what, why, fix)


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """One look at a subject; `title` says at what."""

    title: str
    look: Callable[[Subject], Iterable[Finding]]
    needs_parameters: bool = False
    """Whether it cannot be made where a parameter is wrong."""


def examine(checks: Sequence[Check[Subject]], subject: Subject) -> list[Finding]:
    """Return what all checks find. One that cannot be made is a finding itself."""
    return [finding for check in checks for finding in _made(check, subject)]


def _made(check: Check[Subject], subject: Subject) -> Iterator[Finding]:
    try:
        yield from check.look(subject)
    except (BotoCoreError, ClientError) as failed:
        yield not_made(check.title, failed)


def stopping(what: str, failed: Exception) -> Finding:
    """Return what to say of a call that failed, and without which there is nothing to go by."""
    return error(what, in_words(failed), _way_on(failed))


def _way_on(failed: Exception) -> str:
    if is_about_credentials(failed):
        return "Sign in, then run the command again."
    if is_denied(failed):
        return "Attach infra/deployer-policy.json, or deploy as someone who may."
    if is_passing(failed):
        return "Run the command again; if it stays so, look at the network, and at --region."
    return "Look at --region and --profile, and run the command again."


def not_made(title: str, failed: Exception) -> Finding:
    """Return what to say of a check that failed itself."""
    if is_about_credentials(failed):
        return error(title, in_words(failed), "Sign in, then run the command again.")
    if is_denied(failed):
        return warning(
            f"{title}: not checked",
            in_words(failed),
            "Allow the call, or look yourself; the deployment goes on without.",
        )
    return warning(f"{title}: not checked", in_words(failed), "Look yourself, or try again.")
