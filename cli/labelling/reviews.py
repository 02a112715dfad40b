"""What reviewers do: take the next item, label it or skip it, and settle disagreements."""

from __future__ import annotations

import shlex

import click

from cli.labelling.commands import labelling, pages, task_place
from cli.options import UserContext, user_command
from cli.output import Json

_CONTENT = (
    *("question", "prompt", "text", "answer", "first", "second"),
    *("values", "a", "b", "document_id", "page"),
)
_reviewer = click.option("--as", "reviewer", help="Name of the reviewer, of several with one key.")


@labelling.command("next")
@click.argument("task_id")
@_reviewer
@user_command
def take_next(target: UserContext, task_id: str, reviewer: str | None) -> None:
    """Take the next item of a task and show it."""
    body = {"reviewer": reviewer} if reviewer else {}
    claim = target.api.call("POST", task_place(task_id, "claims"), json=body)["claim"]
    if target.output.as_json:
        target.output.json(claim)
        return
    if claim is None:
        target.output.line("Nothing is left to label for this reviewer.")
        return
    target.output.line(claim["guidelines"], "dim")
    _show(target, claim["content"])
    target.output.line(f"Labels: {', '.join(claim['labels'])}. Yours until {claim['expires_at']}.")
    whose = f" --as {shlex.quote(reviewer)}" if reviewer else ""
    target.output.line(f"headrace labelling submit {task_id} {claim['claim_id']} LABEL{whose}")


@labelling.command("submit")
@click.argument("task_id")
@click.argument("claim_id")
@click.argument("label")
@click.option("--correction", help="What the answer, or the JSON of values, should have been.")
@click.option("--comment")
@_reviewer
@user_command
def submit(target: UserContext, /, task_id: str, claim_id: str, **given: str | None) -> None:
    """Give the LABEL of a claim."""
    place = task_place(task_id, "claims", claim_id, "label")
    ended = target.api.call("PUT", place, json=_given(given))
    late = "; the claim had expired, and its place was still free" if ended["late"] else ""
    target.output.line(f"{ended['item_id']} is labelled{late}.")


@labelling.command("skip")
@click.argument("task_id")
@click.argument("claim_id")
@click.argument("reason")
@_reviewer
@user_command
def skip(target: UserContext, /, task_id: str, claim_id: str, **given: str | None) -> None:
    """End a claim without a label, for a REASON."""
    place = task_place(task_id, "claims", claim_id, "skip")
    ended = target.api.call("PUT", place, json=_given(given))
    target.output.line(f"{ended['item_id']} is skipped.")


@labelling.command("disagreements")
@click.argument("task_id")
@user_command
def disagreements(target: UserContext, task_id: str) -> None:
    """Show the items that need an adjudication, with what was said of them."""
    items = list(pages(target, task_place(task_id, "disagreements")))
    if target.output.as_json:
        target.output.json(items)
        return
    for each in items:
        target.output.line(each["item_id"], "bold")
        _show(target, each["item"])
        for said in each["given"]:
            more = [said["correction"], said["comment"]]
            told = said["label"] or f"skipped: {said['skipped']}"
            target.output.line("  " + ": ".join([said["reviewer"], told, *filter(None, more)]))
    if not items:
        target.output.line("No item needs an adjudication.")


@labelling.command("adjudicate")
@click.argument("task_id")
@click.argument("item_id")
@click.argument("label")
@click.option("--correction", help="What the answer, or the JSON of values, should have been.")
@click.option("--comment")
@_reviewer
@user_command
def adjudicate(target: UserContext, /, task_id: str, item_id: str, **given: str | None) -> None:
    """Decide on the LABEL of an item that is done; of a pair a, b or tie."""
    place = task_place(task_id, "items", item_id, "adjudication")
    decided = target.api.call("PUT", place, json=_given(given))
    target.output.line(f"{item_id} is {decided['label']}.")


def _given(fields: dict[str, str | None]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _show(target: UserContext, content: Json) -> None:
    for name in _CONTENT:
        if content.get(name) is not None:
            target.output.line(f"  {name}: {content[name]}")
