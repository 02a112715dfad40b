"""The permission audit: compares the roles' policies with the decisions in ledgers.

`python -m localcloud.iam.audit FOLDER…` reads every ledger below the folders, prints a table, and
exits with 1 if a grant is never used or too wide, or if a call of a role was denied.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.iam.audit_exceptions import (
    BROAD_GRANTS,
    UNSCOPED_ACTIONS,
    UNTESTED_GRANTS,
    BroadGrant,
    UnscopedAction,
    UntestedGrant,
)
from localcloud.iam.conditions import wildcard
from localcloud.iam.ledger import (
    LEDGER_FILE,
    CallRecord,
    DecisionRecord,
    LedgerContent,
    read_ledger,
)
from localcloud.iam.policy import parse_policy


@dataclass(frozen=True, slots=True)
class PolicyGrant:
    """An action on a resource pattern that the statement `sid` of a role's policy allows.

    `keys` are the context keys, in lower case, that the statement's conditions name.
    """

    owner: str
    role: str
    sid: str
    action: str
    resource: str
    keys: tuple[str, ...] = ()


def list_grants(ledgers: Iterable[LedgerContent]) -> list[PolicyGrant]:
    """Return the grants of the role policies in `ledgers`, each once, ordered by owner."""
    grants = {
        PolicyGrant(
            role_policy.owner,
            role_policy.role,
            statement.sid,
            action,
            resource,
            tuple(sorted({condition.key for condition in statement.conditions})),
        ): None
        for ledger in ledgers
        for role_policy in ledger.role_policies
        for statement in parse_policy(role_policy.document, role_policy.name).statements
        if statement.allows
        for action in statement.actions
        for resource in statement.resources
    }
    return sorted(grants, key=lambda grant: (grant.owner, grant.action, grant.resource, grant.sid))


def is_too_wide(
    grant: PolicyGrant, unscoped: Iterable[UnscopedAction], broad: Iterable[BroadGrant]
) -> bool:
    """Return whether a grant is wider than necessary.

    It is if its action is a pattern, or if its resource is `*` or all resources of a type and
    neither `unscoped` nor `broad` has an exception for it.
    """
    if "*" in grant.action or "?" in grant.action:
        return True
    if grant.resource == "*":
        return not any(grant.action == each.action.lower() for each in unscoped)
    return is_broad(grant.resource) and not any(
        each.covers(grant.action, grant.resource, grant.keys) for each in broad
    )


def is_broad(arn: str) -> bool:
    """Return whether an ARN covers all resources of a type: `…::foundation-model/*`, `…:*`.

    All objects of one bucket, executions of one state machine or streams of one log group are not
    broad. ARNs of S3 have no resource type before the bucket.
    """
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return False
    name = re.split(r"[/:]", parts[5])
    named = name[:1] if parts[2] == "s3" else (name[1:] or name)
    return all(part == "*" for part in named)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A grant, how often it was used, and the reason of an exception if it was not."""

    grant: PolicyGrant
    count: int
    exception: str = ""


@dataclass(frozen=True, slots=True)
class StaleException:
    """An exception that is out of date: `grant` was used, or nothing that it covers is granted."""

    exception: UntestedGrant
    grant: PolicyGrant | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit: grants with uses, denied calls, wide grants, stale exceptions."""

    lines: tuple[AuditLine, ...]
    denied: Mapping[DecisionRecord, int]
    wide: tuple[PolicyGrant, ...]
    stale: tuple[StaleException, ...]

    @property
    def unused(self) -> tuple[PolicyGrant, ...]:
        """The grants that were never used and have no exception."""
        return tuple(line.grant for line in self.lines if not line.count and not line.exception)

    @property
    def passed(self) -> bool:
        """Whether the audit found nothing wrong."""
        return not (self.unused or self.denied or self.wide or self.stale)


def audit_ledgers(
    ledgers: Sequence[LedgerContent],
    untested: Sequence[UntestedGrant] = UNTESTED_GRANTS,
    unscoped: Sequence[UnscopedAction] = UNSCOPED_ACTIONS,
    broad: Sequence[BroadGrant] = BROAD_GRANTS,
) -> AuditReport:
    """Compare the role policies in `ledgers` with the decisions in them."""
    grants = list_grants(ledgers)
    used = _count_uses(ledgers)
    lines = [_audit_line(grant, used, untested) for grant in grants]
    roles = {grant.role for grant in grants}
    return AuditReport(
        tuple(lines),
        _count_denials(ledgers, roles),
        tuple(grant for grant in grants if is_too_wide(grant, unscoped, broad)),
        tuple(stale for each in untested for stale in _stale_exceptions(each, lines))
        if grants
        else (),
    )


def _stale_exceptions(
    exception: UntestedGrant, lines: Sequence[AuditLine]
) -> Iterator[StaleException]:
    """Yield the ways in which an exception is out of date.

    It is if nothing is granted that it covers, or if such a grant was used, unless use is
    occasional.
    """
    covered = [
        line
        for line in lines
        if exception.covers(line.grant.owner, line.grant.action, line.grant.resource)
    ]
    if not covered:
        yield StaleException(exception)
    elif not exception.occasional:
        yield from (StaleException(exception, line.grant) for line in covered if line.count)


def _count_uses(ledgers: Sequence[LedgerContent]) -> Counter[tuple[str, str, str, str]]:
    used: Counter[tuple[str, str, str, str]] = Counter()
    for ledger in ledgers:
        for decision, count in ledger.decisions.items():
            source, _, sid = decision.statement.partition(":")
            if decision.allowed and source == "identity":
                used[(decision.caller, sid, decision.action.lower(), decision.resource)] += count
    return used


def _audit_line(
    grant: PolicyGrant, used: Counter[tuple[str, str, str, str]], untested: Sequence[UntestedGrant]
) -> AuditLine:
    count = sum(
        times
        for (role, sid, action, resource), times in used.items()
        if (role, sid, resource) == (grant.role, grant.sid, grant.resource)
        and wildcard(grant.action).fullmatch(action)
    )
    reasons = (
        each.reason for each in untested if each.covers(grant.owner, grant.action, grant.resource)
    )
    return AuditLine(grant, count, "" if count else next(reasons, ""))


def _count_denials(ledgers: Sequence[LedgerContent], roles: set[str]) -> Counter[DecisionRecord]:
    denied: Counter[DecisionRecord] = Counter()
    for ledger in ledgers:
        for decision, count in ledger.decisions.items():
            if not decision.allowed and (decision.caller in roles or _is_to_the_stage(decision)):
                denied[decision] += count
    return denied


def _is_to_the_stage(decision: DecisionRecord) -> bool:
    """Return whether a service of AWS sends something to a resource of the template.

    Tests of the local cloud's services send to queues of their own, too, and want refusals.
    """
    return decision.caller.endswith(".amazonaws.com") and ":headrace-" in decision.resource


def count_calls(ledgers: Iterable[LedgerContent]) -> Counter[CallRecord]:
    """Return how often each caller called each operation, over all `ledgers`."""
    calls: Counter[CallRecord] = Counter()
    for ledger in ledgers:
        calls.update(ledger.calls)
    return calls


def find_ledgers(folders: Iterable[Path]) -> list[Path]:
    """Return the ledger files in and below `folders`; a folder may also be a ledger file."""
    return [
        file
        for folder in folders
        for file in ([folder] if folder.is_file() else sorted(folder.rglob(f"*{LEDGER_FILE}")))
    ]


def render_table(report: AuditReport) -> list[str]:
    """Return the report as lines of text: caller, action, number of uses, resource, findings."""
    lines = [f"{'role':<20} {'action':<34} {'used':>8}  resource"]
    for line in report.lines:
        grant = line.grant
        uses = str(line.count) if line.count else ("-" if line.exception else "NEVER")
        lines.append(f"{grant.owner:<20} {grant.action:<34} {uses:>8}  {grant.resource}")
    return lines + render_findings(report)


def render_findings(report: AuditReport) -> list[str]:
    """Return what the audit found wrong as lines of text, none if it passed."""
    lines = [f"UNUSED   {g.owner}: {g.action} on {g.resource} ({g.sid})" for g in report.unused]
    lines += [
        f"DENIED   {each.caller}: {each.action} on {each.resource}, {count} times"
        for each, count in report.denied.items()
    ]
    lines += [f"TOO WIDE {g.owner}: {g.action} on {g.resource} ({g.sid})" for g in report.wide]
    lines += [f"STALE    {_describe_stale(stale)}" for stale in report.stale]
    return lines


def _describe_stale(stale: StaleException) -> str:
    exception, grant = stale.exception, stale.grant
    if grant is None:
        return f"{exception.owner} {', '.join(exception.actions)}: nothing of it is granted"
    return f"{grant.owner}: {grant.action} on {grant.resource} is used ({exception.reason})"


def main(arguments: list[str] | None = None) -> int:
    """Print the audit of ledgers, or their calls. Return 1 if the audit fails."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.iam.audit", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="ledgers, or folders with ledgers")
    parser.add_argument("--calls", action="store_true", help="print calls by caller instead")
    options = parser.parse_args(arguments)
    files = find_ledgers(options.folders)
    if not files:
        print("There is no ledger in these folders.", file=sys.stderr)  # noqa: T201 - a message for the user
        return 1
    ledgers = [read_ledger(file) for file in files]
    if options.calls:
        for call, count in sorted(count_calls(ledgers).items(), key=lambda pair: str(pair[0])):
            print(f"{count:>8}  {call.service}:{call.operation}  {call.caller}")  # noqa: T201
        return 0
    report = audit_ledgers(ledgers)
    print("\n".join(render_table(report)))  # noqa: T201 - the output of the command
    return 0 if report.passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
