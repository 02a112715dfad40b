"""The commands `prompts render` and `prompts run`: fill in variables, show or run calls."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import quote

import click

from cli.failures import ItemsFailedError, UsageError
from cli.options import UserContext, end_user_option, user_command
from cli.output import Json, describe_receipt
from cli.prompts.files import read_yaml
from cli.prompts.variables import declared_values, variable_pair

PLACE = "/v1/prompts"
LATEST = "latest"

P = ParamSpec("P")
R = TypeVar("R")


def prompt_place(name: str, *parts: str) -> str:
    """Return the path of a prompt, or of a part of it."""
    return "/".join([PLACE, *(quote(part, safe="") for part in (name, *parts))])


def _variables_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--version`, `--var` and `--vars`."""
    for option in (
        click.option(
            "--vars", "file", type=click.Path(path_type=Path), help="Variables in a YAML file."
        ),
        click.option(
            "--var",
            "given",
            multiple=True,
            metavar="NAME=VALUE",
            help="A variable; @FILE for a file's text; more than once for a list.",
        ),
        click.option(
            "--version", "wanted", default=LATEST, show_default=True, help="Number or label."
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("name")
@_variables_options
@click.option(
    "--output", "outputs", multiple=True, metavar="TURN=TEXT", help="Assumed answer of a turn."
)
@user_command
def render(
    target: UserContext,
    name: str,
    wanted: str,
    given: Sequence[str],
    file: Path | None,
    outputs: Sequence[str],
) -> None:
    """Show what each turn of a prompt would send, without calling a model."""
    body = {
        **_asked(target, name, wanted, given, file),
        "outputs": dict(map(variable_pair, outputs)),
    }
    shown = target.api.call("POST", prompt_place(name, "render"), json=body)
    if target.output.as_json:
        target.output.json(shown)
        return
    for turn in [*shown["turns"], *filter(None, [shown["verifier"]])]:
        _tell(target, turn)


@click.command()
@click.argument("name")
@_variables_options
@click.option("--model", help="Model to use instead of the prompt's.")
@end_user_option
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder that pictures are written to.",
)
@user_command
def run(
    target: UserContext,
    /,
    name: str,
    wanted: str,
    given: Sequence[str],
    file: Path | None,
    folder: Path,
    **chosen: str | None,
) -> None:
    """Run a prompt, turn after turn, and show the answers and their cost.

    Exits with 1 when the prompt's verifier rejects the answer.
    """
    body = _asked(target, name, wanted, given, file)
    body |= {name: value for name, value in chosen.items() if value is not None}
    if wanted != LATEST and not wanted.isdecimal():
        # By its label, as a rollout of the label may answer by another version.
        body["version"] = wanted
    ran = target.api.call("POST", prompt_place(name, "runs"), json=body, once=True)
    verdict = ran["verdict"]
    if target.output.as_json:
        target.output.json(ran)
    else:
        if ran["images"] is None:
            target.output.line(ran["output"])
        else:
            _write_pictures(target, ran, folder)
        if verdict is not None:
            stands = "accepted" if verdict["accepted"] else f"rejected, {verdict['reason']}"
            target.output.line(f"verifier: {stands}", style="bold")
        for line in describe_receipt(ran["receipt"]):
            target.output.notice(line, style="dim")
    if verdict is not None and not verdict["accepted"]:
        raise ItemsFailedError


def _asked(
    target: UserContext, name: str, wanted: str, given: Sequence[str], file: Path | None
) -> Json:
    """Return the requested version and its variables, as the version declares them."""
    version = target.api.call("GET", prompt_place(name, "versions", wanted))
    variables = {} if file is None else read_yaml(file)
    if not isinstance(variables, dict):
        raise UsageError(f"{file} holds no variables by their names.")
    variables |= declared_values(given, version["content"]["variables"])
    return {"version": version["version"], "variables": variables}


def _write_pictures(target: UserContext, ran: Json, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    suffix = ran["images"]["media_type"].partition("/")[2]
    for n, image in enumerate(ran["images"]["images"], start=1):
        file = folder / f"{ran['run_id']}-{n}.{suffix}"
        file.write_bytes(base64.b64decode(image))
        target.output.line(str(file))


def _tell(target: UserContext, turn: Json) -> None:
    call, out = turn["call"], target.output
    out.line(f"== {turn['turn']}: {call['task']}, about {turn['tokens_in']} tokens", style="bold")
    if call["task"] == "image":
        out.line(call["prompt"])
        if call["negative_prompt"]:
            out.line("-- not", style="bold")
            out.line(call["negative_prompt"])
        return
    if call["system"]:
        out.line("-- system", style="bold")
        out.line(call["system"])
    for message in call["messages"]:
        out.line(f"-- {message['role']}", style="bold")
        out.line("\n".join(part["text"] for part in message["content"]))
