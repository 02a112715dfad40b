"""What the roles of the template are granted, held against what they did.

`python -m localcloud.iam.audit FOLDER…` reads every ledger below the folders, prints a table, and
ends with 1 if something is granted and never used, used and not granted, or granted too widely.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.iam.exceptions import BROAD, EVERYWHERE, UNSEEN, Broad, Everywhere, Unseen
from localcloud.iam.grants import Grant, grants_of, is_wide
from localcloud.iam.ledger import FILE, Book, Call, Decided, read
from localcloud.iam.patterns import wildcard


@dataclass(frozen=True, slots=True)
class Line:
    """A grant, how often it was used, and why it is right that it never was."""

    grant: Grant
    count: int
    excuse: str = ""


@dataclass(frozen=True, slots=True)
class Stale:
    """An excuse for a grant that was used after all; without one, for nothing that is granted."""

    excuse: Unseen
    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of it. A grant is too wide if its action is a pattern, or its resource anything, or
    anything of a kind, where AWS could be told which.
    """

    lines: tuple[Line, ...]
    denied: Mapping[Decided, int]
    wide: tuple[Grant, ...]
    stale: tuple[Stale, ...]

    @property
    def unused(self) -> tuple[Grant, ...]:
        """The grants that nothing used and nothing excuses."""
        return tuple(line.grant for line in self.lines if not line.count and not line.excuse)

    @property
    def sound(self) -> bool:
        """Whether every grant is needed and every need granted."""
        return not (self.unused or self.denied or self.wide or self.stale)


def audit(
    books: Sequence[Book],
    unseen: Sequence[Unseen] = UNSEEN,
    everywhere: Sequence[Everywhere] = EVERYWHERE,
    broad: Sequence[Broad] = BROAD,
) -> Audit:
    """Hold the grants in `books` against their decisions."""
    grants = grants_of(books)
    used = _used(books)
    lines = [_line(grant, used, unseen) for grant in grants]
    roles = {grant.role for grant in grants}
    return Audit(
        tuple(lines),
        _denied(books, roles),
        tuple(grant for grant in grants if is_wide(grant, everywhere, broad)),
        tuple(stale for each in unseen for stale in _stale(each, lines)) if grants else (),
    )


def _stale(excuse: Unseen, lines: Sequence[Line]) -> Iterator[Stale]:
    """Yield what `excuse` says wrongly: each grant that was used after all, or that nothing is
    granted that it is about. What depends on chance may be used or not.
    """
    about = [
        line
        for line in lines
        if excuse.covers(line.grant.owner, line.grant.action, line.grant.resource)
    ]
    if not about:
        yield Stale(excuse)
    elif not excuse.chance:
        yield from (Stale(excuse, line.grant) for line in about if line.count)


def _used(books: Sequence[Book]) -> Counter[tuple[str, str, str, str]]:
    used: Counter[tuple[str, str, str, str]] = Counter()
    for book in books:
        for decided, count in book.decisions.items():
            source, _, sid = decided.statement.partition(":")
            if decided.allowed and source == "identity":
                used[(decided.caller, sid, decided.action.lower(), decided.resource)] += count
    return used


def _line(grant: Grant, used: Counter[tuple[str, str, str, str]], unseen: Sequence[Unseen]) -> Line:
    count = sum(
        times
        for (role, sid, action, resource), times in used.items()
        if (role, sid, resource) == (grant.role, grant.sid, grant.resource)
        and wildcard(grant.action).fullmatch(action)
    )
    excuses = (
        each.reason for each in unseen if each.covers(grant.owner, grant.action, grant.resource)
    )
    return Line(grant, count, "" if count else next(excuses, ""))


def _denied(books: Sequence[Book], roles: set[str]) -> Counter[Decided]:
    denied: Counter[Decided] = Counter()
    for book in books:
        for decided, count in book.decisions.items():
            of_stage = decided.caller in roles or decided.caller.endswith(".amazonaws.com")
            if not decided.allowed and of_stage:
                denied[decided] += count
    return denied


def calls_of(books: Iterable[Book]) -> Counter[Call]:
    """Return how often each caller called each operation, in all of `books`."""
    calls: Counter[Call] = Counter()
    for book in books:
        calls.update(book.calls)
    return calls


def ledgers_below(folders: Iterable[Path]) -> list[Path]:
    """Return the ledgers in and below `folders`; one may be given itself."""
    return [
        file
        for folder in folders
        for file in ([folder] if folder.is_file() else sorted(folder.rglob(f"*{FILE}")))
    ]


def table(found: Audit) -> list[str]:
    """Return the table as lines of text: caller, action, resource, how often it was used."""
    lines = [f"{'role':<20} {'action':<34} {'used':>8}  resource"]
    for line in found.lines:
        grant = line.grant
        how = str(line.count) if line.count else ("-" if line.excuse else "NEVER")
        lines.append(f"{grant.owner:<20} {grant.action:<34} {how:>8}  {grant.resource}")
    lines += [f"UNUSED   {g.owner}: {g.action} on {g.resource} ({g.sid})" for g in found.unused]
    lines += [
        f"DENIED   {each.caller}: {each.action} on {each.resource}, {count} times"
        for each, count in found.denied.items()
    ]
    lines += [f"TOO WIDE {g.owner}: {g.action} on {g.resource} ({g.sid})" for g in found.wide]
    lines += [f"STALE    {_told(stale)}" for stale in found.stale]
    return lines


def _told(stale: Stale) -> str:
    excuse, grant = stale.excuse, stale.grant
    if grant is None:
        return f"{excuse.owner} {', '.join(excuse.actions)}: nothing of it is granted"
    return f"{grant.owner}: {grant.action} on {grant.resource} is used ({excuse.reason})"


def main(arguments: list[str] | None = None) -> int:
    """Print what ledgers say, held against the grants in them. Exit code 1 if they disagree."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.iam.audit", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="ledgers, or folders with ledgers")
    parser.add_argument("--calls", action="store_true", help="print calls by caller instead")
    chosen = parser.parse_args(arguments)
    files = ledgers_below(chosen.folders)
    if not files:
        print("There is no ledger there.", file=sys.stderr)  # noqa: T201 - what the user asked for
        return 1
    books = [read(file) for file in files]
    if chosen.calls:
        for call, count in sorted(calls_of(books).items(), key=lambda pair: str(pair[0])):
            print(f"{count:>8}  {call.service}:{call.operation}  {call.caller}")  # noqa: T201
        return 0
    found = audit(books)
    print("\n".join(table(found)))  # noqa: T201 - the table is the answer
    return 0 if found.sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
