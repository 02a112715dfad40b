"""The command `schedules`: create, show, run and pause what runs by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click

from cli.client import Api
from cli.failures import ItemsFailedError
from cli.jobs import job_path, progress
from cli.options import UserContext, user_command
from cli.output import Json, Output
from cli.prompts.runs import prompt_place
from cli.prompts.variables import declared_values, variable_pair
from cli.schedules.descriptions import (
    history_row,
    schedule_zone,
    show_run,
    show_schedule,
    written_time,
)
from cli.schedules.terms import terms_body, terms_options

PLACE = "/v1/schedules"
POLL_SECONDS = 1.0
_OPEN = ("waiting", "running")
_PAGE = 50


@click.group()
def schedules() -> None:
    """Run batches, syncs, exports and reports by the clock."""


@schedules.command("create")
@click.argument("name")
@terms_options
@user_command
def create(target: UserContext, /, name: str, **options: Any) -> None:
    """Create the schedule NAME: when it runs, and what then is done.

    A batch over the new documents of a collection, every night at two:

    \b
    headrace schedules create nightly --cron "0 2 * * ? *" --zone Europe/Berlin \\
      --prompt sum-up --collection inbox --into summaries
    """
    body = {"name": name, **_terms(target.api, options)}
    show_schedule(target.output, target.api.call("POST", PLACE, json=body, once=True))


@schedules.command("replace")
@click.argument("name")
@terms_options
@user_command
def replace(target: UserContext, /, name: str, **options: Any) -> None:
    """Give the schedule NAME other terms; its history and its watermark stay.

    What no option says stays, too. With --file, the file and the options are the whole.
    """
    path = schedule_path(name)
    current = target.api.call("GET", path)["terms"] if options["file"] is None else None
    body = _terms(target.api, options, current)
    show_schedule(target.output, target.api.call("PUT", path, json=body))


def _terms(api: Api, options: Json, current: Json | None = None) -> Json:
    """Return the terms, with the variables read as the prompt declares them."""
    if options["prompt"] is not None and options["variables"]:
        wanted = options["version"] or "latest"
        for given in options["variables"]:
            variable_pair(given)
        version = api.call("GET", prompt_place(options["prompt"], "versions", wanted))
        declared = version["content"]["variables"]
        options = options | {"variables": declared_values(options["variables"], declared)}
    return terms_body(options, current)


@schedules.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List schedules."""
    items = _all(target.api, PLACE)
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("schedule", "status", "expression", "zone", "what", "next", "last run", "reason"),
        [
            (
                item["name"],
                item["status"],
                item["terms"]["expression"],
                item["terms"]["time_zone"],
                item["terms"]["work"]["kind"],
                written_time(item["next"][0], schedule_zone(item)) if item["next"] else "",
                (item["last_run"] or {}).get("status", ""),
                item["reason"],
            )
            for item in items
        ],
    )


@schedules.command("show")
@click.argument("name")
@user_command
def show(target: UserContext, name: str) -> None:
    """Show a schedule, the next five times in its zone, and its last run."""
    show_schedule(target.output, target.api.call("GET", schedule_path(name)))


@schedules.command("pause")
@click.argument("name")
@user_command
def pause(target: UserContext, name: str) -> None:
    """Pause a schedule: it begins no run until it is resumed. A run that goes on is not stopped."""
    show_schedule(target.output, target.api.call("POST", schedule_path(name, "pause")))


@schedules.command("resume")
@click.argument("name")
@user_command
def resume(target: UserContext, name: str) -> None:
    """Resume a paused schedule, from its next time on."""
    show_schedule(target.output, target.api.call("POST", schedule_path(name, "resume")))


@schedules.command("run")
@click.argument("name")
@click.option("--wait", is_flag=True, help="Wait for the end of the run, and show its progress.")
@user_command
def run(target: UserContext, name: str, wait: bool) -> None:
    """Run a schedule now, beside its times.

    Exits with 1 when the run was waited for and did not succeed.
    """
    begun = target.api.call("POST", schedule_path(name, "run"), once=True)
    if wait:
        begun = follow_run(target.api, name, begun, target.output)
    show_run(target.output, begun)
    if wait and begun["status"] != "succeeded":
        raise ItemsFailedError


@schedules.command("history")
@click.argument("name")
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=20, show_default=True)
@user_command
def history(target: UserContext, name: str, run_id: str | None, limit: int) -> None:
    """Show the newest runs: when, how many items, what they cost, and why one failed.

    With RUN, show that run with its results, its notes and its receipt.
    """
    if run_id is not None:
        show_run(target.output, target.api.call("GET", schedule_path(name, "runs", run_id)))
        return
    page = target.api.call("GET", schedule_path(name, "runs"), params={"limit": str(limit)})
    if target.output.as_json:
        target.output.json(page["items"])
        return
    zone = schedule_zone(target.api.call("GET", schedule_path(name)))
    target.output.table(
        ("run", "time", "by", "status", "done", "failed", "total", "dollars", "reason"),
        [history_row(item, zone) for item in page["items"]],
    )


@schedules.command("rm")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask first.")
@user_command
def rm(target: UserContext, name: str, yes: bool) -> None:
    """Remove a schedule with its history. What its runs made stays."""
    if not yes and not click.confirm(f"Remove {name} with its history?", err=True):
        target.output.notice("Nothing was removed.")
        raise ItemsFailedError
    target.api.call("DELETE", schedule_path(name))
    target.output.line(f"{name} is removed.")


def follow_run(
    api: Api,
    name: str,
    begun: Json,
    output: Output,
    sleep: Callable[[float], None] = time.sleep,
) -> Json:
    """Return a run once it has ended, showing the progress of its job meanwhile.

    A run that failed and is tried again has not ended.
    """
    previous = ""
    while begun["status"] in _OPEN:
        now = begun["status"]
        if begun["job_id"]:
            now = progress(api.call("GET", job_path(begun["job_id"])))
        if now != previous and not output.as_json:
            output.notice(now, "dim")
            previous = now
        sleep(POLL_SECONDS)
        begun = api.call("GET", schedule_path(name, "runs", begun["run_id"]))
    return begun


def schedule_path(name: str, *parts: str) -> str:
    """Return the path of a schedule, or of something of it."""
    return "/".join([PLACE, *(quote(part, safe="") for part in (name, *parts))])


def _all(api: Api, place: str) -> list[Json]:
    items: list[Json] = []
    params: dict[str, str] = {}
    while True:
        page = api.call("GET", place, params=params)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]
