"""The options of `schedules create` and `replace`, and the terms that they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from cli.failures import UsageError
from cli.options import filter_option
from cli.output import Json
from cli.prompts.files import read_yaml

P = ParamSpec("P")
R = TypeVar("R")

_RATE = re.compile(r"([1-9][0-9]*)(m|h|d)")
_UNITS = {"m": "minute", "h": "hour", "d": "day"}
_WRAPPED = re.compile(r"(?:cron|rate|at)\(.*\)")
_PLAIN = (
    *("overlap", "catch_up", "max_catch_up", "budget", "retries", "pause_after"),
    *("window_minutes", "description"),
)
"""Options that go into the terms as they are."""
_OF_BATCH = ("model", "quality", "service_tier", "deadline_seconds")
_DESTINATIONS = ("into", "results", "webhook")
_SELECTION = ("collection", "filter_", "search", "limit", "unchanged")
_WORK_OPTIONS: dict[str, tuple[str, ...]] = {
    "prompt": ("version", "variables", *_SELECTION, *_OF_BATCH, *_DESTINATIONS),
    "calls": (*_OF_BATCH, *_DESTINATIONS),
    "sync": ("remove",),
    "export": ("collection", "results", "webhook"),
    "report": _DESTINATIONS,
    "extract": ("collection", "unchanged", "results", "webhook"),
    "evaluate": ("results", "webhook"),
    "watch": ("results", "webhook", "capture_files", "data_capture", "baseline"),
}
_FLAGS = {
    "filter_": "filter",
    "variables": "var",
    "unchanged": "all",
    "service_tier": "tier",
    "deadline_seconds": "deadline",
    "capture_files": "capture-files",
    "data_capture": "data-capture",
}
"""Names of options on the command line, where they differ."""

_TIMES = (
    click.option("--cron", metavar="FIELDS", help='Six fields of AWS, such as "0 2 * * ? *".'),
    click.option("--every", metavar="TIME", help="A rate: 15m, 1h or 2d."),
    click.option("--at", metavar="TIME", help="Once, such as 2026-12-01T08:00."),
    click.option("--zone", "time_zone", metavar="ZONE", help="Time zone. Default: UTC."),
    click.option(
        "--window",
        "window_minutes",
        type=click.IntRange(0),
        metavar="MINUTES",
        help="A run may begin this much later. Default: 0.",
    ),
    click.option("--start", metavar="TIME", help="No run before, in the zone if it names none."),
    click.option("--end", metavar="TIME", help="No run after."),
)
_WORK = (
    click.option("--prompt", metavar="NAME", help="Put this prompt to each selected document."),
    click.option("--version", metavar="VERSION", help="Number or label. Default: the latest."),
    click.option(
        "--var",
        "variables",
        multiple=True,
        metavar="NAME=VALUE",
        help="Variable of the prompt; @FILE for a file's text; more than once for a list.",
    ),
    click.option("--collection", metavar="NAME", help="Only documents of this collection."),
    filter_option,
    click.option("--search", metavar="QUERY", help="Select what this search finds, best first."),
    click.option("--limit", type=click.IntRange(1), help="With --search: how many. Default: 20."),
    click.option("--all", "unchanged", is_flag=True, help="Also what did not change."),
    click.option("--calls", metavar="S3-URI", help="A file of calls; with / at its end, a prefix."),
    click.option(
        "--sync", nargs=2, metavar="S3-URI COLLECTION", help="Bring a prefix into a collection."
    ),
    click.option("--remove", is_flag=True, help="With --sync: remove what is gone there."),
    click.option(
        "--extract",
        metavar="NAME[@VERSION]",
        help="Extract by this saved extractor what it has not read of the collection.",
    ),
    click.option("--export", is_flag=True, help="Export the collection, or everything."),
    click.option(
        "--report", type=click.Choice(("day", "week", "month")), help="Report usage and cost."
    ),
    click.option(
        "--evaluate",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="SUITE",
        help="Run the suite in this file.",
    ),
    click.option("--watch", metavar="MONITOR", help="Look whether the calls of a monitor drifted."),
    click.option(
        "--capture-files",
        metavar="S3-URI",
        help="With --watch: files of SageMaker's data capture, in place of captured calls.",
    ),
    click.option(
        "--data-capture", is_flag=True, help="With --watch: also write the calls in that format."
    ),
    click.option(
        "--baseline",
        metavar="VERSION=SOURCE",
        help="With --watch: what a version's baseline is made of: s3://…/statistics.json of "
        "SageMaker Model Monitor, or an evaluation's id, with /TARGET if it has several.",
    ),
    click.option("--model", help="Model. Default: the cheapest that suffices."),
    click.option("--quality", type=click.IntRange(1, 5), help="Lowest model tier."),
    click.option(
        "--tier", "service_tier", type=click.Choice(("standard", "flex", "batch")), help="Price."
    ),
    click.option(
        "--deadline",
        "deadline_seconds",
        type=click.IntRange(1),
        metavar="SECONDS",
        help="A run that answers calls ends by then. Default: a day.",
    ),
)
_RESULTS = (
    click.option("--into", metavar="COLLECTION", help="Results become documents of it."),
    click.option("--results", metavar="S3-URI", help="Results become files under this prefix."),
    click.option("--webhook", metavar="ID", help="This webhook hears of each run's end."),
)
_POLICIES = (
    click.option("--budget", metavar="DOLLARS", help="The most that one run may cost."),
    click.option(
        "--overlap",
        type=click.Choice(("skip", "queue", "cancel")),
        help="While the run before goes on. Default: skip.",
    ),
    click.option(
        "--catch-up",
        type=click.Choice(("none", "latest", "all")),
        help="Times that nothing ran at. Default: latest.",
    ),
    click.option(
        "--max-catch-up", type=click.IntRange(1), help="With --catch-up all. Default: 10."
    ),
    click.option("--retries", type=click.IntRange(0), help="Of a failed run. Default: 1."),
    click.option("--pause-after", type=click.IntRange(1), help="Failed runs in a row. Default: 3."),
    click.option("--description", help="What it is for."),
    click.option(
        "--file",
        type=click.Path(path_type=Path),
        help="Terms in JSON or YAML; options go before what it says.",
    ),
)


def terms_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add the options that say when a schedule runs, what it does, and by which policies."""
    for option in reversed((*_TIMES, *_WORK, *_RESULTS, *_POLICIES)):
        command = option(command)
    return command


def terms_body(options: Json, current: Json | None = None) -> Json:
    """Return the terms as the API takes them: the options over those of `--file` or `current`.

    Raises:
        UsageError: the options contradict each other, or name neither a time nor a work.
    """
    file = options["file"]
    body = dict(current or {}) if file is None else _read_terms(file)
    expression = _expression(options)
    if expression is not None:
        body["expression"] = expression
    if options["time_zone"] is not None:
        body["time_zone"] = options["time_zone"]
    body |= {name: options[name] for name in _PLAIN if options[name] is not None}
    zone = body.get("time_zone", "UTC")
    body |= {name: _moment(options[name], zone, name) for name in ("start", "end") if options[name]}
    work = _work(options)
    if work is not None:
        body["work"] = work
    if "expression" not in body:
        raise UsageError("Say when: --cron, --every or --at.")
    if "work" not in body:
        named = ", ".join(f"--{name}" for name in _WORK_OPTIONS)
        raise UsageError(f"Say what: {named} or --file.")
    return body


def _read_terms(file: Path) -> Json:
    """Return the terms in a file, without the name that it may hold."""
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise UsageError(f"{file} holds no terms by their names.")
    return {name: value for name, value in content.items() if name != "name"}


def _expression(options: Json) -> str | None:
    """Return the expression that one of `--cron`, `--every` and `--at` says, or None."""
    given = [name for name in ("cron", "every", "at") if options[name] is not None]
    if not given:
        return None
    if len(given) > 1:
        raise UsageError("Give one of --cron, --every and --at.")
    text = options[given[0]].strip()
    if _WRAPPED.fullmatch(text):
        return str(text)
    match given[0]:
        case "cron":
            return f"cron({text})"
        case "every":
            return _rate(text)
    return _once(text)


def _rate(text: str) -> str:
    found = _RATE.fullmatch(text)
    if found is None:
        raise UsageError("--every is a number with m, h or d: 15m, 1h, 2d.")
    count, unit = int(found[1]), _UNITS[found[2]]
    return f"rate({count} {unit}{'' if count == 1 else 's'})"


def _once(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError("--at is a time such as 2026-12-01T08:00.") from error
    if moment.tzinfo is not None:
        raise UsageError("--at is a time in the zone of --zone, without an offset of its own.")
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def _moment(text: str, zone: str, name: str) -> str:
    """Return a time as RFC 3339; one without an offset is in the schedule's zone."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    except (ZoneInfoNotFoundError, OSError) as error:
        raise UsageError(f"{zone!r} is no time zone; one is Europe/Berlin.") from error
    except ValueError as error:
        raise UsageError(f"--{name} is a time such as 2026-12-01T08:00.") from error
    return moment.isoformat()


def _work(options: Json) -> Json | None:
    """Return the work that the options describe, or None if they describe none."""
    given = [name for name in _WORK_OPTIONS if options[name]]
    if len(given) > 1:
        named = " and ".join(f"--{name}" for name in given)
        raise UsageError(f"A schedule does one thing, not {named}.")
    _check_options(options, given[0] if given else None)
    match given:
        case ["sync"]:
            uri, collection = options["sync"]
            work = {"kind": "sync", "uri": uri, "collection": collection}
            return work | ({"remove": True} if options["remove"] else {})
        case ["export"]:
            return {"kind": "export", **_named(options, "collection"), **_results(options)}
        case ["extract"]:
            return {
                "kind": "extraction",
                "extractor": options["extract"],
                "collection": options["collection"] or "default",
                **({"changed": False} if options["unchanged"] else {}),
                **_results(options),
            }
        case ["evaluate"]:
            return {
                "kind": "evaluation",
                "suite": _suite(options["evaluate"]),
                **_results(options),
            }
        case ["watch"]:
            return _watch(options)
        case ["report"]:
            return {"kind": "report", "period": options["report"], **_results(options)}
        case []:
            return None
    return _batch(options)


def _check_options(options: Json, work: str | None) -> None:
    """Raise `UsageError` for an option that does not go with the work."""
    allowed = () if work is None else _WORK_OPTIONS[work]
    every = dict.fromkeys(name for names in _WORK_OPTIONS.values() for name in names)
    for name in every:
        if name in allowed or not options[name]:
            continue
        flag = f"--{_FLAGS.get(name, name)}"
        if work is not None:
            raise UsageError(f"{flag} does not go with --{work}.")
        named = ", ".join(f"--{name}" for name in _WORK_OPTIONS)
        raise UsageError(f"{flag} goes with one of {named}.")
    if options["limit"] is not None and options["search"] is None:
        raise UsageError("--limit goes with --search.")


def _suite(file: Path) -> Json:
    from cli.evaluation.files import read_suite_file

    suite = read_suite_file(file).suite
    return suite.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _batch(options: Json) -> Json:
    work: Json = {"kind": "batch", "source": _source(options)}
    if options["prompt"] is not None:
        work["prompt"] = {"name": options["prompt"]}
        if options["version"] is not None:
            wanted = options["version"]
            work["prompt"]["version"] = int(wanted) if wanted.isdecimal() else wanted
        if options["variables"]:
            work["prompt"]["variables"] = options["variables"]
    return work | _named(options, *_OF_BATCH) | _results(options)


def _source(options: Json) -> Json:
    if options["calls"] is not None:
        kind = "prefix" if options["calls"].endswith("/") else "object"
        return {"type": kind, "uri": options["calls"]}
    selection = _named(options, "collection")
    if options["filter_"] is not None:
        selection["filter"] = options["filter_"]
    if options["search"] is not None:
        found = {"type": "search", "query": options["search"]}
        return found | selection | _named(options, "limit")
    return {
        "type": "documents",
        **selection,
        **({"changed": False} if options["unchanged"] else {}),
    }


def _results(options: Json) -> Json:
    results: list[Json] = []
    if options["into"] is not None:
        results.append({"type": "collection", "collection": options["into"]})
    if options["results"] is not None:
        results.append({"type": "s3", "uri": options["results"]})
    if options["webhook"] is not None:
        results.append({"type": "webhook", "webhook_id": options["webhook"]})
    return {"results": results} if results else {}


def _named(options: Json, *names: str) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}


def _watch(options: Json) -> Json:
    watch: Json = {"kind": "watch", "monitor": options["watch"]}
    if options["capture_files"] is not None:
        watch["source"] = {"type": "prefix", "uri": options["capture_files"]}
    if options["data_capture"]:
        watch["data_capture"] = True
    if options["baseline"] is not None:
        watch["baseline"] = _baseline(options["baseline"])
    return watch | _results(options)


def _baseline(given: str) -> Json:
    """Return the source of a version's baseline, of `VERSION=SOURCE`."""
    version, _, source = given.rpartition("=")
    if not version or not source:
        raise UsageError("--baseline takes VERSION=SOURCE, such as 4=s3://BUCKET/statistics.json.")
    if source.startswith("s3://"):
        return {"version": version, "statistics": source}
    evaluation, _, target = source.partition("/")
    return {"version": version, "evaluation": evaluation, **({"target": target} if target else {})}
