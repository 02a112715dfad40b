"""Descriptions of schedules and of their runs, in lines for people."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cli.output import Json, Output, describe_receipt


def written_time(moment: str, zone: tzinfo) -> str:
    """Return a time of the API in a zone, such as `Mon 2026-11-30 02:00 CET`."""
    return f"{datetime.fromisoformat(moment).astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def schedule_zone(schedule: Json) -> tzinfo:
    """Return the schedule's zone, or UTC where this machine does not know it."""
    try:
        return ZoneInfo(schedule["terms"]["time_zone"])
    except (KeyError, ValueError, OSError):
        return UTC


def show_schedule(output: Output, schedule: Json) -> None:
    """Print a schedule: its terms, its next times in its zone and its last run."""
    if output.as_json:
        output.json(schedule)
        return
    terms, zone = schedule["terms"], schedule_zone(schedule)
    reason = f", {schedule['reason']}" if schedule["reason"] else ""
    output.line(f"{schedule['name']}: {schedule['status']}{reason}", "bold")
    output.line(f"  when      {terms['expression']} in {terms['time_zone']}")
    output.line(f"  what      {_described_work(terms['work'])}")
    output.line(f"  policies  {_described_policies(terms)}")
    if schedule["watermark"]:
        output.line(f"  done to   {written_time(schedule['watermark'], zone)}")
    for n, moment in enumerate(schedule["next"]):
        output.line(f"  {'next' if n == 0 else '':8}  {written_time(moment, zone)}")
    if schedule["last_run"] is not None:
        output.line(f"  last run  {_described_run(schedule['last_run'], zone)}")


def _described_work(work: Json) -> str:
    match work["kind"]:
        case "sync":
            removes = ", and remove what is gone" if work.get("remove") else ""
            return f"sync {work['uri']} into {work['collection']}{removes}"
        case "export":
            what = f"export {work['collection']}" if work.get("collection") else "export everything"
        case "extraction":
            what = f"extract by {work['extractor']} from {work['collection']}"
        case "evaluation":
            what = f"evaluate the suite {work['suite']['name']}"
        case "watch":
            what = f"watch the monitor {work['monitor']}"
        case "report":
            what = f"report the last {work['period']}"
        case _:
            what = f"batch: {_described_source(work['source'])}"
            if work.get("prompt"):
                version = work["prompt"].get("version", "latest")
                what += f", by {work['prompt']['name']} (version {version})"
    return "; ".join([what, *map(_described_destination, work.get("results", ()))])


def _described_source(source: Json) -> str:
    where = f" of {source['collection']}" if source.get("collection") else ""
    match source["type"]:
        case "object":
            return f"the calls of {source['uri']}"
        case "prefix":
            return f"the new files of calls under {source['uri']}"
        case "search":
            return f"what the search {source['query']!r} finds{where}"
    news = "new and changed documents" if source.get("changed", True) else "all documents"
    return f"{news}{where}{', filtered' if source.get('filter') else ''}"


def _described_destination(destination: Json) -> str:
    match destination["type"]:
        case "collection":
            return f"into {destination['collection']}"
        case "s3":
            return f"to {destination['uri']}"
    return f"tells {destination['webhook_id']}"


def _described_policies(terms: Json) -> str:
    budget, count = terms.get("budget"), terms["pause_after"]
    failures = "a failure" if count == 1 else f"{count} failures"
    bounded = [] if budget is None else [f"at most ${budget} a run"]
    if terms["window_minutes"]:
        bounded.append(f"within {terms['window_minutes']} min")
    return ", ".join(
        [
            *bounded,
            f"overlap {terms['overlap']}",
            f"catch-up {terms['catch_up']}",
            f"retries {terms['retries']}",
            f"paused after {failures}",
        ]
    )


def _described_run(run: Json, zone: tzinfo) -> str:
    told = f"{run['status']}, of {written_time(run['scheduled_at'], zone)}"
    if run["counts"]:
        told += f", {run['counts']['done']} of {run['counts']['total']}"
    if run["receipt"]:
        told += f", ${run['receipt']['dollars']}"
    return f"{told}: {run['reason']}" if run["reason"] else told


def show_run(output: Output, run: Json) -> None:
    """Print a run: how it ended, what it wrote and what it cost."""
    if output.as_json:
        output.json(run)
        return
    output.line(f"{run['run_id']}: {_described_run(run, UTC)}")
    for line in (*run["notes"], *run["results"], *describe_receipt(run["receipt"])):
        output.line(line, "dim")


def history_row(run: Json, zone: tzinfo) -> list[object]:
    """Return the cells of a run in the history."""
    counts, missed = run["counts"] or {}, run["missed"]
    reason = run["reason"]
    if missed and missed["count"] > 1:
        last = written_time(missed["last"], zone)
        reason = f"{missed['count']} times until {last}. {reason}".strip()
    return [
        run["run_id"],
        written_time(run["scheduled_at"], zone),
        run["trigger"],
        run["status"],
        *(counts.get(name, "") for name in ("done", "failed", "total")),
        run["receipt"]["dollars"] if run["receipt"] else "",
        reason,
    ]
