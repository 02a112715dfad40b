"""The command `prompts`: versioned prompts, saved from files and shown as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    if head.get("suite"):
        guarded = ", ".join(head["suite"]["labels"])
        target.output.line(f"  the suite {head['suite']['name']} guards {guarded}")
    for told in head.get("overrides", ()):
        moved = f"{told['label']} to version {told['version']}" if told["label"] else "the suite"
        target.output.line(f"  overridden {told['at']}: {moved}: {told['reason']}", "red")
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
@click.option(
    "--override",
    metavar="REASON",
    help="Move it although the prompt's suite has not passed; the reason is recorded.",
)
@user_command
def label_command(
    target: UserContext,
    name: str,
    label: str,
    version: int | None,
    remove: bool,
    override: str | None,
) -> None:
    """Let LABEL of a prompt point to VERSION.

    A version that has not passed the prompt's suite is refused, with the cases that got worse.
    """
    if remove is (version is not None):
        raise UsageError("Give a version, or --rm.")
    if remove:
        target.api.call("DELETE", prompt_place(name, "labels", label))
        target.output.line(f"{name} has no label {label} any more.")
        return
    body: Json = {"version": version}
    if override is not None:
        body["override"] = override
    view = target.api.call("PUT", prompt_place(name, "labels", label), json=body)
    told = view.get("overrides") or [{}]
    if override is not None and told[-1].get("reason") == override:
        target.output.notice(f"OVERRIDDEN: {told[-1]['refusal']}", style="red")
    target.output.line(f"{label} of {name} points to version {version}.")


@prompts.command("suite")
@click.argument("name")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--label", "labels", multiple=True, help="Label to guard. Default: production.")
@click.option("--rm", "remove", is_flag=True, help="Remove the suite; that is recorded.")
@user_command
def suite_command(
    target: UserContext, name: str, file: Path | None, labels: tuple[str, ...], remove: bool
) -> None:
    """Have the suite in FILE guard labels of a prompt: a version is labelled once it has passed."""
    if remove is (file is not None):
        raise UsageError("Give a file, or --rm.")
    if file is None:
        target.api.call("DELETE", prompt_place(name, "suite"))
        target.output.line(f"{name} has no suite any more.")
        return
    from cli.evaluation.files import read_suite_file

    suite = read_suite_file(file, (name,)).suite
    body: Json = {"suite": suite.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    if labels:
        body["labels"] = list(labels)
    view = target.api.call("PUT", prompt_place(name, "suite"), json=body)
    guarded = ", ".join(view["suite"]["labels"])
    target.output.line(f"{name}: the suite {suite.name} guards {guarded}.")


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


@prompts.command("optimise")
@click.argument("name")
@click.option(
    "--suite",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Suite in YAML or JSON: its cases and graders. Its targets are not used.",
)
@click.option(
    "--version", "wanted", default="latest", show_default=True, help="Number or label to start at."
)
@click.option(
    "--method",
    type=click.Choice(("halving", "reflective")),
    default="halving",
    show_default=True,
    help="Try listed changes and examples, or let a capable model reword the prompt.",
)
@click.option("--budget", metavar="DOLLARS", help="Maximum cost of all calls together.")
@click.option(
    "--proposals", type=click.IntRange(2, 200), default=12, show_default=True, help="At most."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--instruction",
    "instructions",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a template of your own for the last turn; may be repeated.",
)
@click.option("--group", help="Variable whose equal values stay on one side of the split.")
@click.option("--model", help="Model that answers, instead of the prompt's.")
@click.option(
    "--reflect-with",
    "reflects",
    default="auto",
    show_default=True,
    help="Model of tier 3 or better that rewords, for --method reflective.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the report, the winner and the answers. Default: NAME-optimised.",
)
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it takes, and stop.")
@user_command
def optimise_command(
    target: UserContext,
    /,
    name: str,
    file: Path,
    wanted: str,
    folder: Path | None,
    **chosen: Any,
) -> None:
    """Look for a better prompt by a suite, and prove it on held-out cases.

    Half of the cases are held out: the search never sees them, and only they decide whether the
    winner beats the prompt. One that does is saved as a version, which no label points to. Answers
    that were paid for are kept in the folder. Exits with 1 when the search ended early.
    """
    try:
        from cli.prompts.optimiser.command import SearchPlace, dollars_option, optimise
        from cli.prompts.optimiser.optimisation import SearchSettings
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"The optimiser needs the package {missing.name}: pip install -r requirements/"
            "optimiser.txt."
        ) from missing

    settings = SearchSettings(
        method=chosen["method"],
        proposals=chosen["proposals"],
        seed=chosen["seed"],
        budget=dollars_option(chosen["budget"]),
        group=chosen["group"],
        instructions=tuple(_template(each) for each in chosen["instructions"]),
    )
    place = SearchPlace(
        prompt=name,
        version=wanted,
        suite=file,
        folder=folder or Path(f"{name}-optimised"),
        model=chosen["model"],
        reflects=chosen["reflects"],
    )
    optimise(target, place, settings, only_estimate=chosen["only_estimate"])


def _template(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as text: {error}") from error


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
