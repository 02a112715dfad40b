"""The command `monitors`: which calls are captured, and the captured calls."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from cli.failures import ApiError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json

_PLACE = "/v1/monitors"
_SUBJECTS = ("prompt", "model", "collection")
_PAGE = 25
_NOT_FOUND = 404


@click.group()
def monitors() -> None:
    """Capture calls of a prompt, a model or a collection, and look at them."""


@monitors.command("set")
@click.argument("name")
@click.option("--prompt", help="Watch the runs of this prompt.")
@click.option("--model", help="Watch the calls of this model.")
@click.option("--collection", help="Watch questions on this collection; * for those on all.")
@click.option("--sample", type=float, help="Share of calls to capture, 0 to 1.")
@click.option("--days", type=int, help="Days to keep a captured call.")
@click.option("--mask", multiple=True, help="Category to mask beside personal data.")
@click.option("--baseline", type=int, help="Calls of a version that are its baseline.")
@click.option("--baseline-hours", type=int, help="Hours that a baseline covers.")
@click.option("--window", type=int, help="Newest calls to compare with the baseline.")
@click.option("--false-alarms", type=float, help="False alarms to expect in 30 quiet days.")
@click.option("--min-psi", type=float, help="Least PSI that counts as a change.")
@user_command
def set_monitor(target: UserContext, /, name: str, **options: Any) -> None:
    """Create the monitor NAME, or change what the options say of it.

    \b
    headrace monitors set greeting --prompt greeting --sample 0.1 --days 30
    """
    subject = _subject(options)
    if subject is None:
        body = _terms(target, name)
        for field in ("name", "created_at", "updated_at"):
            body.pop(field, None)
    else:
        body = {"subject": subject}
    given = {
        "sample_rate": options["sample"],
        "retention_days": options["days"],
        "mask": list(options["mask"]) or None,
        "baseline_calls": options["baseline"],
        "baseline_hours": options["baseline_hours"],
        "window_calls": options["window"],
        "false_alarms": options["false_alarms"],
        "min_psi": options["min_psi"],
    }
    body |= {field: value for field, value in given.items() if value is not None}
    _show(target, target.api.call("PUT", _at(name), json=body))


def _terms(target: UserContext, name: str) -> Json:
    try:
        found: Json = target.api.call("GET", _at(name))
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        raise UsageError(
            f"There is no monitor {name} yet: say what it watches by --prompt, --model or "
            "--collection."
        ) from error
    return found


@monitors.command("show")
@click.argument("name")
@user_command
def show(target: UserContext, name: str) -> None:
    """Show the monitor NAME."""
    _show(target, target.api.call("GET", _at(name)))


@monitors.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List monitors."""
    items = target.api.call("GET", _PLACE)["items"]
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("monitor", "subject", "sample", "days"),
        [
            (one["name"], _path(one), f"{one['sample_rate']:g}", one["retention_days"])
            for one in items
        ],
    )


@monitors.command("rm")
@click.argument("name")
@user_command
def rm(target: UserContext, name: str) -> None:
    """Remove the monitor NAME; captured calls stay until they expire."""
    target.api.call("DELETE", _at(name))
    target.output.line(f"{name} is removed.")


@monitors.command("calls")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=10, show_default=True)
@user_command
def calls(target: UserContext, name: str, limit: int) -> None:
    """Show the newest captured calls of the subject of the monitor NAME."""
    items = target.api.call("GET", f"{_at(name)}/calls?limit={limit}")["items"]
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("time", "version", "outcome", "ms", "input", "output"),
        [
            (
                one["created_at"][:19] + "Z",
                one["version"],
                one["error_type"] or one["outcome"],
                one["latency_ms"],
                _short(one["input"]),
                _short(one["output"]),
            )
            for one in items
        ],
    )


@monitors.command("report")
@click.argument("name")
@user_command
def report(target: UserContext, name: str) -> None:
    """Show what the last look of the monitor NAME found; a schedule looks."""
    found = target.api.call("GET", f"{_at(name)}/report")
    if target.output.as_json:
        target.output.json(found)
        return
    version = f", version {found['version']}" if found["version"] else ""
    what = found["status"].replace("_", " ")
    target.output.line(f"{found['time'][:19]}Z: {what}{version}.", "bold")
    target.output.line(
        f"{found['window_calls']} newest calls against {found['baseline_calls']} of the baseline."
    )
    target.output.table(
        ("feature", "of", "baseline", "newest", "psi", "p", ""),
        [
            (
                one["name"],
                f"share of {one['category']}" if one["kind"] == "category" else "mean",
                f"{one['baseline']:.4g}",
                f"{one['window']:.4g}",
                f"{one['psi']:.2f}",
                f"{one['p_value']:.1e}",
                "drifted" if one["drifted"] else "",
            )
            for one in found["features"]
        ],
    )


@monitors.command("reset")
@click.argument("name")
@user_command
def reset(target: UserContext, name: str) -> None:
    """Remove the baselines of the subject of NAME, so that the next look makes a new one."""
    target.api.call("DELETE", f"{_at(name)}/baselines")
    target.output.line(f"The next look at {name} makes a new baseline.")


def _subject(options: Json) -> Json | None:
    given = [(kind, options[kind]) for kind in _SUBJECTS if options[kind] is not None]
    if not given:
        return None
    if len(given) > 1:
        raise click.UsageError("Give one of --prompt, --model and --collection.")
    kind, name = given[0]
    return {"kind": "retrieval" if kind == "collection" else kind, "name": name}


def _show(target: UserContext, monitor: Json) -> None:
    if target.output.as_json:
        target.output.json(monitor)
        return
    line = target.output.line
    masked = ", ".join(sorted({"personal-data", *monitor["mask"]}))
    line(f"{monitor['name']} watches {_path(monitor)}.")
    line(
        f"{monitor['sample_rate']:.0%} of calls are captured, with {masked} masked,"
        f" for {monitor['retention_days']} days."
    )
    line(
        f"The newest {monitor['window_calls']} are compared with a baseline of"
        f" {monitor['baseline_calls']} of their version, at {monitor['false_alarms']:g} false"
        " alarms in 30 days."
    )


def _path(monitor: Json) -> str:
    return f"{monitor['subject']['kind']}/{monitor['subject']['name']}"


def _short(text: str | None) -> str:
    if text is None:
        return "(left out)"
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:39] + "…"


def _at(name: str) -> str:
    return f"{_PLACE}/{quote(name, safe='')}"
