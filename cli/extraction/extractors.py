"""The command `extractors`: schemas that are saved under a name, in versions."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from cli.extraction.files import model_body, model_options, read_schema
from cli.failures import ApiError, ItemsFailedError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json

_PLACE = "/v1/extractors"
_NOT_FOUND = 404


@click.group()
def extractors() -> None:
    """Save, list, show and remove schemas by which values are extracted."""


@extractors.command("put")
@click.argument("name")
@click.argument("schema", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--description", default="", help="What it is for.")
@model_options
@user_command
def put(
    target: UserContext,
    name: str,
    schema: Path,
    description: str,
    model: str | None,
    quality: int | None,
    budget: str | None,
) -> None:
    """Save the schema in a file as a new extractor, or as the next version of one."""
    body: Json = {"json_schema": read_schema(schema), "description": description}
    body |= model_body(model, quality, budget)
    try:
        saved = target.api.call("PUT", _at(name), json=body)
    except ApiError as refused:
        if refused.status != _NOT_FOUND:
            raise
        saved = target.api.call("POST", _PLACE, json={**body, "name": name}, once=True)
    if target.output.as_json:
        target.output.json(saved)
        return
    target.output.line(f"{saved['name']}@{saved['version']} is saved.")


@extractors.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List saved extractors."""
    items: list[Json] = []
    params: dict[str, str] = {}
    while True:
        page = target.api.call("GET", _PLACE, params=params)
        items += page["items"]
        if not page["next_cursor"]:
            break
        params["cursor"] = page["next_cursor"]
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("extractor", "version", "updated", "description"),
        [
            (item["name"], item["version"], item["updated_at"], item["description"])
            for item in items
        ],
    )


@extractors.command("show")
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="Its number; the newest if left out.")
@user_command
def show(target: UserContext, name: str, version: int | None) -> None:
    """Print a saved extractor with its schema, as JSON."""
    params = {} if version is None else {"version": str(version)}
    target.output.json(target.api.call("GET", _at(name), params=params))


@extractors.command("calibrate")
@click.argument("name")
@click.option("--show", is_flag=True, help="Only print the calibration that is used.")
@click.option("--reset", is_flag=True, help="Read without labels and maps again.")
@user_command
def calibrate(target: UserContext, name: str, show: bool, reset: bool) -> None:
    """Learn from an extractor's reviews what its documents call things, and how sure values are.

    Labels beside reviewed values become names of their fields, and confidences are mapped. Each is
    used from now on only if it is better on reviewed documents that it was not learned from. Exits
    with 1 if neither is.
    """
    if show and reset:
        raise UsageError("Give one of --show and --reset.")
    place = f"{_at(name)}/calibration"
    if reset:
        target.api.call("DELETE", place)
        target.output.line(f"{name} is read without what its reviews taught.")
        return
    if show:
        target.output.json(target.api.call("GET", place))
        return
    attempt = target.api.call("POST", place)
    if target.output.as_json:
        target.output.json(attempt)
    else:
        _tell_attempt(target, attempt)
    if not attempt["taken"]:
        raise ItemsFailedError


def _tell_attempt(target: UserContext, attempt: Json) -> None:
    _tell_labels(target, attempt["labels"])
    judged = attempt["held_out"]
    if judged is not None:
        target.output.line(
            f"On {judged['documents']} other documents the squared error of confidences is"
            f" {judged['brier_after']:.4f}, and was {judged['brier_before']:.4f}."
        )
    if attempt["reason"]:
        target.output.line(f"Confidences are not mapped: {attempt['reason']}")
    if attempt["taken"]:
        target.output.line(
            f"Calibration {attempt['calibration']['version']}, by {attempt['rows']} fields of"
            f" {attempt['documents']} reviewed documents."
        )
    else:
        target.output.line("No calibration: nothing changes.")


def _tell_labels(target: UserContext, labels: Json) -> None:
    if not labels["taken"]:
        target.output.line(f"No labels: {labels['reason']}")
        return
    judged = labels["held_out"]
    target.output.line(
        f"On {judged['documents']} documents that did not teach them, {judged['right_after']} of"
        f" {judged['fields']} fields are right with them, and {judged['right_before']} were;"
        f" {judged['wrong_after']} have a wrong value, and {judged['wrong_before']} had."
    )
    target.output.table(
        ("field", "label", "documents"),
        [(each["field"], each["label"], each["documents"]) for each in labels["labels"]],
    )


@extractors.command("rm")
@click.argument("name")
@user_command
def rm(target: UserContext, name: str) -> None:
    """Remove an extractor with all its versions; what was extracted by it stays."""
    target.api.call("DELETE", _at(name))
    target.output.line(f"{name} is removed.")


def _at(name: str) -> str:
    return f"{_PLACE}/{quote(name, safe='')}"
