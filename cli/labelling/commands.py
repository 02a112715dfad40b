"""The group `labelling`: tasks are made, closed, removed, summed up and exported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import click

from cli.failures import ApiError, UsageError
from cli.labelling.files import read_items, write_export
from cli.options import UserContext, user_command
from cli.output import Json

PLACE = "/v1/labelling/tasks"
ITEMS_A_REQUEST = 100
_REFUSED_ITEM = re.compile(r"items\.(\d+)(\.|$)")
_LISTED = ("task_id", "kind", "status", "items", "gold_items", "reviews", "name")


@click.group()
def labelling() -> None:
    """Have people label answers, pairs, extractions and pictures."""


@labelling.command("create")
@click.argument("name")
@click.option("--kind", type=click.Choice(["answer", "pair", "extraction", "image"]), required=True)
@click.option(
    "--guidelines",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Text file that tells reviewers how to decide.",
)
@click.option("--items", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--label", "labels", multiple=True, help="A label; repeated. Pairs have their own.")
@click.option("--accept", "accepted", multiple=True, help="A label of what is right as it is.")
@click.option(
    "--measurement",
    type=click.Choice(["nominal", "ordinal", "interval"]),
    default="nominal",
    show_default=True,
)
@click.option("--reviews", type=click.IntRange(1, 10), default=3, show_default=True)
@click.option("--claim-minutes", type=click.IntRange(1, 1440), default=30, show_default=True)
@click.option("--max-skips", type=click.IntRange(1, 10), default=3, show_default=True)
@click.option("--gold-share", type=click.FloatRange(0, 0.5), default=0.1, show_default=True)
@click.option("--retention-days", type=click.IntRange(1, 3650), default=365, show_default=True)
@click.option("--no-ties", is_flag=True, help="Of pairs: one of the two has to be chosen.")
@user_command
def create(
    target: UserContext,
    /,
    name: str,
    guidelines: Path,
    items: Path | None,
    no_ties: bool,
    **fields: str | int | float | tuple[str, ...],
) -> None:
    """Make a task, and add the items of a JSONL file to it.

    Of pairs a line is {"prompt": …, "a": …, "b": …}, of answers {"prompt": …, "answer": …}.
    """
    found = read_items(items, str(fields["kind"])) if items else []
    body: Json = {
        "name": name,
        "guidelines": _read_guidelines(guidelines),
        "ties": not no_ties,
        **{key: list(each) if isinstance(each, tuple) else each for key, each in fields.items()},
    }
    task = target.api.call("POST", PLACE, json=body, once=True)
    try:
        added = _add(target, task["task_id"], found)
    except ApiError:
        # A task with some of its items would be taken for a whole one.
        target.api.call("DELETE", task_place(task["task_id"]))
        raise
    if target.output.as_json:
        target.output.json({**task, "added": added})
        return
    target.output.line(
        f"{task['task_id']} has {added} items, for {task['reviews']} reviewers each."
    )


@labelling.command("add")
@click.argument("task_id")
@click.argument("items", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@user_command
def add(target: UserContext, task_id: str, items: Path) -> None:
    """Add the items of a JSONL file; those that the task has stay as they are."""
    kind = target.api.call("GET", task_place(task_id))["kind"]
    found = read_items(items, kind)
    added = _add(target, task_id, found)
    if target.output.as_json:
        target.output.json({"added": added, "known": len(found) - added})
        return
    target.output.line(f"{added} items are new, {len(found) - added} were there already.")


@labelling.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List tasks, newest first."""
    items = list(pages(target, PLACE))
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("task", "kind", "status", "items", "gold", "reviews", "name"),
        [[each[key] for key in _LISTED] for each in items],
    )


@labelling.command("status")
@click.argument("task_id")
@user_command
def status(target: UserContext, task_id: str) -> None:
    """Show how far a task is, how well reviewers agree, and how each does on gold items."""
    found = target.api.call("GET", task_place(task_id, "progress"))
    if target.output.as_json:
        target.output.json(found)
        return
    line = target.output.line
    line(
        f"{found['decided']} decided, {found['undecided']} undecided, {found['open']} open; "
        f"{found['labels']} labels, {found['skips']} skips, {found['status']}"
    )
    agreement = found["agreement"]
    alpha = "not defined" if agreement["alpha"] is None else f"{agreement['alpha']:.3f}"
    line(
        f"Krippendorff's alpha ({agreement['measurement']}): {alpha}, of {agreement['labels']} "
        f"labels of {agreement['items']} items"
    )
    positions = found["positions"]
    if positions:
        line(
            f"Side a stood first {positions['a_first']} times and side b {positions['b_first']}; "
            f"the first was preferred {positions['preferred_first']} times, "
            f"the second {positions['preferred_second']}"
        )
    target.output.table(
        ("reviewer", "labelled", "skipped", "late", "gold", "gold right"),
        [
            (
                each["reviewer"],
                each["labelled"],
                each["skipped"],
                each["late"],
                each["gold_labelled"],
                "" if each["gold_accuracy"] is None else f"{each['gold_accuracy']:.0%}",
            )
            for each in found["reviewers"]
        ],
    )


@labelling.command("close")
@click.argument("task_id")
@user_command
def close(target: UserContext, task_id: str) -> None:
    """Close a task to new claims and items; claims that are out can be ended."""
    _set_status(target, task_id, "closed")


@labelling.command("open")
@click.argument("task_id")
@user_command
def open_task(target: UserContext, task_id: str) -> None:
    """Open a closed task again."""
    _set_status(target, task_id, "open")


@labelling.command("rm")
@click.argument("task_id")
@user_command
def rm(target: UserContext, task_id: str) -> None:
    """Remove a task with its items and labels."""
    target.api.call("DELETE", task_place(task_id))
    target.output.line(f"{task_id} is removed.")


@labelling.command("export")
@click.argument("task_id")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "wanted", type=click.Choice(["preference", "supervised", "labels"]))
@user_command
def export(target: UserContext, task_id: str, folder: Path, wanted: str | None) -> None:
    """Write the decided items into FOLDER, as the recipes read them."""
    rows: list[Json] = []
    left_out: dict[str, int] = {}
    chosen = ""
    for page in export_pages(target, task_id, wanted):
        rows += page["items"]
        chosen = page["format"]
        for reason, count in page["left_out"].items():
            left_out[reason] = left_out.get(reason, 0) + count
    written = write_export(folder, chosen, rows)
    if target.output.as_json:
        target.output.json({"format": chosen, "files": written, "left_out": left_out})
        return
    for name, count in written.items():
        target.output.line(f"{folder / name}: {count} lines")
    for reason, count in left_out.items():
        target.output.notice(f"left out, {reason}: {count}")


def _read_guidelines(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def task_place(task_id: str, *below: str) -> str:
    """Return the path of a task, or of what is `below` it."""
    return "/".join([PLACE, *(quote(part, safe="") for part in (task_id, *below))])


def pages(target: UserContext, place: str) -> Iterator[Json]:
    """Yield the items of a listing, page by page."""
    for page in _pages(target, place, {}):
        yield from page["items"]


def export_pages(target: UserContext, task_id: str, wanted: str | None) -> Iterator[Json]:
    """Yield the pages of an export in the format `wanted`, or in the first of the task's kind."""
    return _pages(target, task_place(task_id, "export"), {"format": wanted} if wanted else {})


def _pages(target: UserContext, place: str, params: dict[str, str]) -> Iterator[Json]:
    asked = dict(params)
    while True:
        page = target.api.call("GET", place, params=asked)
        yield page
        if not page["next_cursor"]:
            return
        asked["cursor"] = page["next_cursor"]


def _add(target: UserContext, task_id: str, items: list[Json]) -> int:
    added = 0
    for at in range(0, len(items), ITEMS_A_REQUEST):
        some = items[at : at + ITEMS_A_REQUEST]
        try:
            added += target.api.call("POST", task_place(task_id, "items"), json={"items": some})[
                "added"
            ]
        except ApiError as error:
            # The API counts the items of a request, which are not the lines of the file.
            if place := _REFUSED_ITEM.match(error.field or ""):
                error.message = f"Item {some[int(place[1])]['id']}: {error.message}"
            raise
    return added


def _set_status(target: UserContext, task_id: str, wanted: str) -> None:
    task = target.api.call("PUT", task_place(task_id, "status"), json={"status": wanted})
    target.output.line(f"{task_id} is {task['status']}.")
