"""The command `prompts`: versioned prompts, saved from files and shown as files."""

from __future__ import annotations

from pathlib import Path

import click

from cli.failures import ApiError, ItemsFailedError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json
from cli.prompts.files import prompt_files, read_prompt, written
from cli.prompts.runs import PLACE, prompt_place, render, run


@click.group()
def prompts() -> None:
    """Save versions of prompts, and label, show and render them."""


prompts.add_command(render)
prompts.add_command(run)


@prompts.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List prompts."""
    items = _all(target, PLACE)
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("prompt", "latest", "versions", "labels", "description"),
        [
            (each["name"], each["latest"], each["versions"], _labels(each), each["description"])
            for each in items
        ],
    )


@prompts.command("show")
@click.argument("name")
@click.option(
    "--version", "wanted", help="Number, label or latest: show the content of this version."
)
@user_command
def show(target: UserContext, name: str, wanted: str | None) -> None:
    """Show a prompt with its versions, or one version as a file that `save` takes."""
    if wanted is not None:
        version = target.api.call("GET", prompt_place(name, "versions", wanted))
        if target.output.as_json:
            target.output.json(version)
        else:
            click.echo(written(name, version["content"]), nl=False)
        return
    head, versions = (
        target.api.call("GET", prompt_place(name)),
        _all(target, prompt_place(name, "versions")),
    )
    if target.output.as_json:
        target.output.json({**head, "items": versions})
        return
    target.output.line(f"{name}: {head['description']}" if head["description"] else name)
    target.output.table(
        ("version", "labels", "bytes", "sha256", "saved"),
        [
            (
                each["version"],
                ", ".join(each["labels"]),
                each["bytes"],
                each["sha256"][:12],
                each["created_at"],
            )
            for each in versions
        ],
    )


@prompts.command("save")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="FILE")
@click.option("--label", help="Let this label point to the saved version.")
@user_command
def save(target: UserContext, path: Path, label: str | None) -> None:
    """Save a version of the prompt in FILE (YAML or JSON), or of all prompts in a folder.

    A prompt without a name takes its file's name. Content equal to the newest version is not saved
    again. Exits with 1 when a prompt was refused; the others are saved.
    """
    results: list[Json] = []
    failed = False
    for file in prompt_files(path):
        try:
            saved = target.api.call("POST", PLACE, json=read_prompt(file), once=True)
            if label is not None:
                body = {"version": saved["version"]}
                target.api.call("PUT", prompt_place(saved["name"], "labels", label), json=body)
        except ApiError as refused:
            target.output.notice(f"{file}: {refused}", style="red")
            failed = True
            continue
        results.append(saved)
        if not target.output.as_json:
            news = "saved" if saved["created"] else "unchanged"
            pointed = f", {label}" if label else ""
            target.output.line(f"{saved['name']}: version {saved['version']}{pointed}, {news}")
    if target.output.as_json:
        target.output.json(results)
    if failed:
        raise ItemsFailedError


@prompts.command("label")
@click.argument("name")
@click.argument("label")
@click.argument("version", type=click.IntRange(min=1), required=False)
@click.option("--rm", "remove", is_flag=True, help="Remove the label; the version stays.")
@user_command
def label_command(
    target: UserContext, name: str, label: str, version: int | None, remove: bool
) -> None:
    """Let LABEL of a prompt point to VERSION."""
    if remove is (version is not None):
        raise UsageError("Give a version, or --rm.")
    if remove:
        target.api.call("DELETE", prompt_place(name, "labels", label))
        target.output.line(f"{name} has no label {label} any more.")
        return
    target.api.call("PUT", prompt_place(name, "labels", label), json={"version": version})
    target.output.line(f"{label} of {name} points to version {version}.")


@prompts.command("rm")
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="Only this version.")
@user_command
def rm(target: UserContext, name: str, version: int | None) -> None:
    """Remove a version, or a prompt with all its versions; labelled versions stay."""
    if version is None:
        target.api.call("DELETE", prompt_place(name))
        target.output.line(f"{name} is removed.")
        return
    target.api.call("DELETE", prompt_place(name, "versions", str(version)))
    target.output.line(f"Version {version} of {name} is removed.")


def _all(target: UserContext, place: str) -> list[Json]:
    """Return the items of all pages."""
    items: list[Json] = []
    cursor: str | None = None
    while True:
        params = {} if cursor is None else {"cursor": cursor}
        page = target.api.call("GET", place, params=params)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def _labels(head: Json) -> str:
    return ", ".join(f"{label} {number}" for label, number in head["labels"].items())
