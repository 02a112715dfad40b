"""Where the objects of a batch lie, all of them under the prefix of its job.

    input.jsonl                     what was uploaded
    items.jsonl                     a line for each item: its number, id and place
    rendered.jsonl                  the calls of the lines that name a prompt
    rejected.jsonl                  a line for each line of the input that is no item
    rounds/{attempt}-{round}.jsonl  the items that a later round is for
    outcomes/{n:08d}.json           what became of item n, written once it is known
    failures/{epoch}/{n:08d}.json   the same of an item that failed
    bundles/{first}-{last}.jsonl    outcomes of items from `first` to `last` once more, together
    spent/{n:08d}-{id}.json         what was spent on item n before it was given up for a while
    results.jsonl, errors.jsonl     all of them in the order of the input
    summary.json                    counts that add up, and what was spent
    partial.jsonl                   what there was of the results when somebody last asked

Failures lie apart, so that a listing tells what is done, failed and missing, and nothing has to be
read or deleted when failed items are tried again: these count as missing in the next epoch.
"""

from __future__ import annotations

INPUT = "input.jsonl"
ITEMS = "items.jsonl"
RENDERED = "rendered.jsonl"
REJECTED = "rejected.jsonl"
RESULTS = "results.jsonl"
ERRORS = "errors.jsonl"
SUMMARY = "summary.json"
PARTIAL = "partial.jsonl"
OUTCOMES = "outcomes/"
FAILURES = "failures/"
SPENT = "spent/"
BUNDLES = "bundles/"

_DIGITS = 8
_SUFFIX = ".json"


def prefix(tenant: str, job_id: str) -> str:
    """Return what the keys of all objects of a job begin with."""
    return f"jobs/{tenant}/{job_id}/"


def round_file(attempt: int, round_: int) -> str:
    """Return the name of the file of items that a round is for."""
    return f"rounds/{attempt}-{round_}.jsonl"


def failures(epoch: int) -> str:
    """Return the folder of what failed in `epoch`."""
    return f"{FAILURES}{epoch}/"


def file_of(n: int) -> str:
    """Return the name of the object of item `n`, such that names sort as numbers do."""
    return f"{n:0{_DIGITS}d}{_SUFFIX}"


def bundle(first: int, last: int) -> str:
    """Return the name of outcomes together, of items between `first` and `last`."""
    return f"{BUNDLES}{first:0{_DIGITS}d}-{last:0{_DIGITS}d}.jsonl"


def span_of(key: str) -> tuple[int, int]:
    """Return the first and the last item of the bundle at `key`."""
    first, _, last = key.rsplit("/", 1)[-1].removesuffix(".jsonl").partition("-")
    return int(first), int(last)


def spending(n: int, id_: str) -> str:
    """Return the name of what was spent on item `n`, by an id that nothing else has."""
    return f"{SPENT}{n:0{_DIGITS}d}-{id_}{_SUFFIX}"


def number_of(key: str) -> int:
    """Return the number of the item that the object at `key` is of."""
    return int(key.rsplit("/", 1)[-1].removesuffix(_SUFFIX))
