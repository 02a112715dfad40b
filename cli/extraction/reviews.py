"""The command `reviews`: look at doubtful extractions, correct them, approve or reject them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import click

from cli.extraction.files import out_option, write_output
from cli.failures import UsageError
from cli.options import UserContext, user_command
from cli.output import Json, Output

_PLACE = "/v1/reviews"
_reviewer = click.option("--reviewer", help="Your name, where several use one key.")
_claim = click.option("--claim", "claim_id", required=True, help="The claim's id.")


@click.group()
def reviews() -> None:
    """Review extractions that are partial or doubtful."""


@reviews.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List what waits for a review, the least certain first."""
    items = list(_pages(target, _PLACE))
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("extraction", "path", "status", "confidence", "in hands of"),
        [
            (
                item["extraction"]["extraction_id"],
                item["extraction"]["path"],
                item["extraction"]["status"],
                f"{item['extraction']['lowest_confidence']:.2f}",
                (item["review"]["lease"] or {}).get("reviewer", ""),
            )
            for item in items
        ],
    )


@reviews.command("next")
@click.argument("extraction_id", required=False)
@click.option("--collection", help="Only of this collection.")
@click.option("--minutes", type=click.IntRange(1, 1_440), default=30, show_default=True)
@click.option("--eyes", type=click.IntRange(1, 2), help="How many have to approve it.")
@_reviewer
@user_command
def next_review(
    target: UserContext,
    extraction_id: str | None,
    collection: str | None,
    minutes: int,
    eyes: int | None,
    reviewer: str | None,
) -> None:
    """Claim the least certain extraction, or one by its id, and show its values.

    Below a null stand the values that were not sure enough, each with its place.
    """
    given = {
        "extraction_id": extraction_id,
        "collection": collection,
        "minutes": minutes,
        "eyes": eyes,
        "reviewer": reviewer,
    }
    body = {name: value for name, value in given.items() if value is not None}
    claim = target.api.call("POST", f"{_PLACE}/claims", json=body)["claim"]
    if target.output.as_json:
        target.output.json(claim)
    elif claim is None:
        target.output.line("Nothing waits for a review that you could take.")
    else:
        _show_claim(target.output, claim)


@reviews.command("show")
@click.argument("extraction_id")
@user_command
def show(target: UserContext, extraction_id: str) -> None:
    """Print a review with its edits, and what was before them, as JSON."""
    target.output.json(target.api.call("GET", _at(extraction_id)))


@reviews.command("edit")
@click.argument("extraction_id")
@click.argument("edits", nargs=-1, required=True, metavar="POINTER=VALUE...")
@_claim
@_reviewer
@user_command
def edit(
    target: UserContext,
    extraction_id: str,
    edits: tuple[str, ...],
    claim_id: str,
    reviewer: str | None,
) -> None:
    """Change values. A VALUE that is JSON is that, null too; anything else is text.

    PAGE:START-END behind an @ says where it stands: /total=41.5@1:210-215.
    """
    body: Json = {"claim_id": claim_id, "edits": [read_edit(each) for each in edits]}
    _put(target, extraction_id, body, reviewer)


@reviews.command("approve")
@click.argument("extraction_id")
@_claim
@_reviewer
@user_command
def approve(target: UserContext, extraction_id: str, claim_id: str, reviewer: str | None) -> None:
    """Approve an extraction with its edits."""
    _put(target, extraction_id, {"claim_id": claim_id, "decision": "approve"}, reviewer)


@reviews.command("reject")
@click.argument("extraction_id")
@click.option("--reason", required=True, help="Why its values are not to be used.")
@_claim
@_reviewer
@user_command
def reject(
    target: UserContext, extraction_id: str, reason: str, claim_id: str, reviewer: str | None
) -> None:
    """Reject an extraction: its values are not to be used."""
    body = {"claim_id": claim_id, "decision": "reject", "reason": reason}
    _put(target, extraction_id, body, reviewer)


@reviews.command("rows")
@out_option
@user_command
def rows(target: UserContext, out: Path | None) -> None:
    """Write the fields of all reviewed extractions as JSON lines to train on."""
    reviewed = _pages(target, "/v1/extractions", status="reviewed")
    written = "".join(
        json.dumps(row, ensure_ascii=False) + "\n"
        for each in reviewed
        for row in _pages(target, f"{_at(each['extraction_id'])}/rows")
    )
    write_output(written, out)


def read_edit(text: str) -> Json:
    """Return the edit that `POINTER=VALUE` or `POINTER=VALUE@PAGE:START-END` says."""
    pointer, equals, value = text.partition("=")
    if not equals or not pointer.startswith("/"):
        raise UsageError(f"{text!r}: write POINTER=VALUE, as in /total=41.5.")
    before, _, place = value.rpartition("@")
    placed = _is_place(place)
    edited: Json = {"pointer": pointer, "value": _value(before if placed else value)}
    if placed:
        page, _, span = place.partition(":")
        start, _, end = span.partition("-")
        edited["evidence"] = [{"page": int(page), "start": int(start), "end": int(end)}]
    return edited


def _is_place(text: str) -> bool:
    return re.fullmatch(r"[0-9]+:[0-9]+-[0-9]+", text) is not None


def _value(text: str) -> object:
    try:
        value: object = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    is_infinite = isinstance(value, float) and math.isinf(value)
    return text if is_infinite or isinstance(value, dict | list) else value


def _put(target: UserContext, extraction_id: str, body: Json, reviewer: str | None) -> None:
    told = body if reviewer is None else {**body, "reviewer": reviewer}
    state = target.api.call("PUT", _at(extraction_id), json=told)
    if target.output.as_json:
        target.output.json(state)
        return
    review = state["review"]
    target.output.line(
        f"{extraction_id} is {state['extraction']['status']}: {len(review['edits'])} edits,"
        f" {len(review['approved_by'])} of {review['eyes']} approvals."
    )


def _show_claim(output: Output, claim: Json) -> None:
    extraction = claim["extraction"]
    output.line(f"{extraction['extraction_id']}, {extraction['path']}: {extraction['status']}")
    output.line(f"claim {claim['claim_id']} until {claim['expires_at']}", "dim")
    for reason in extraction["reasons"]:
        output.line(f"  {reason}", "yellow")
    fields = sorted(extraction["shown_fields"], key=lambda each: each["confidence"])
    output.table(
        ("pointer", "value", "raw", "confidence", "where"),
        [
            _row(pointer, each)
            for field in fields
            for pointer, each in [
                (field["pointer"], field),
                *(("  or", candidate) for candidate in field["candidates"]),
            ]
        ],
    )


def _row(pointer: str, read: Json) -> tuple[str, ...]:
    return (
        pointer,
        json.dumps(read["value"], ensure_ascii=False),
        read["raw"],
        f"{read['confidence']:.2f}",
        ", ".join(map(_place, read["evidence"])),
    )


def _place(evidence: Json) -> str:
    return f"{evidence['page']}:{evidence['start']}-{evidence['end']}"


def _pages(target: UserContext, path: str, **params: str) -> Iterator[Json]:
    given = dict(params)
    while True:
        page = target.api.call("GET", path, params=given)
        yield from page["items"]
        if not page["next_cursor"]:
            return
        given["cursor"] = page["next_cursor"]


def _at(extraction_id: str) -> str:
    return f"{_PLACE}/{quote(extraction_id, safe='')}"
