"""The commands on jobs: `export`, `jobs`, `remove-collection` and `remove-tenant`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import click

from cli.client import Api
from cli.failures import ApiError, ItemsFailedError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json, Output, describe_receipt, show_backups

_GOING = ("queued", "running")
OPEN = (*_GOING, "paused")
_SHOWN_OTHERWISE = ("receipt", "results", "error", "counts", "backups", "estimate", "notes")
KINDS = (
    *("export", "remove_tenant", "remove_collection", "remove_document"),
    *("reindex", "embed_pictures", "batch", "scheduled_run"),
    "evaluation",
    "rollout",
    "extraction",
)
STATUSES = (*OPEN, "succeeded", "partial", "failed", "cancelled", "expired")
POLL_SECONDS = 1.0
_NO_KEY = 403


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--collection", help="Only documents of this collection.")
@click.option("--job", "job_id", help="Download the result of an earlier export instead.")
@user_command
def export(target: UserContext, folder: Path, collection: str | None, job_id: str | None) -> None:
    """Export documents, with everything made of them, as ZIP files into DIR.

    DIR must be new or empty. Exits with 1 when something could not be exported; errors-*.jsonl then
    says what and why, and `headrace jobs --retry` tries only that again.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty.")
    if job_id is None:
        body: Json = {} if collection is None else {"collection": collection}
        job_id = target.api.call("POST", "/v1/exports", json=body, once=True)["job_id"]
    elif collection is not None:
        raise UsageError("--collection goes with a new export.")
    job = follow(target.api, job_id, target.output)
    if not job["results"]:
        tell(target.output, job)
        raise ItemsFailedError
    files = fetch_results(target.api, job, folder, target.output)
    if target.output.as_json:
        target.output.json({**job, "files": [str(file) for file in files]})
    else:
        tell(target.output, job)
        target.output.line(f"{len(files)} files in {folder}.")
    if job["status"] != "succeeded":
        raise ItemsFailedError


@click.command()
@click.argument("job_id", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Only jobs of this kind.")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs in this state.")
@click.option("--retry", is_flag=True, help="Retry the job from where it stopped.")
@click.option("--cancel", is_flag=True, help="Cancel the job.")
@click.option(
    "--pause", is_flag=True, help="Pause a batch or an evaluation; a paused one costs nothing."
)
@click.option("--resume", is_flag=True, help="Resume a paused job.")
@user_command
def jobs(
    target: UserContext, /, job_id: str | None, kind: str | None, status: str | None, **moves: bool
) -> None:
    """List jobs, newest first, or show, retry, cancel, pause or resume one.

    Exits with 1 when a job that was retried or resumed did not end well.
    """
    wanted = [name for name, is_wanted in moves.items() if is_wanted]
    if job_id is None:
        if wanted:
            raise UsageError("Name the job.")
        _list(target, kind, status)
        return
    if len(wanted) > 1:
        raise UsageError(f"Give one of {', '.join(f'--{name}' for name in wanted)}.")
    path = job_path(job_id)
    for name in wanted:
        if name == "cancel":
            target.api.call("DELETE", path)
        else:
            target.api.call("POST", f"{path}/{name}", once=True)
    goes_on = moves["retry"] or moves["resume"]
    job = follow(target.api, job_id, target.output) if goes_on else target.api.call("GET", path)
    _show(target.output, job)
    if goes_on and job["status"] != "succeeded":
        raise ItemsFailedError


@click.command("embed-pictures")
@click.argument("name")
@user_command
def embed_pictures(target: UserContext, name: str) -> None:
    """Embed a collection's pictures again, with the current version of its picture model."""
    path = f"/v1/collections/{quote(name, safe='')}/pictures"
    job = follow(target.api, target.api.call("POST", path, once=True)["job_id"], target.output)
    _show(target.output, job)
    if job["status"] != "succeeded":
        raise ItemsFailedError


@click.command("remove-collection")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask first.")
@user_command
def remove_collection(target: UserContext, name: str, yes: bool) -> None:
    """Remove every document of a collection."""
    if not yes and not click.confirm(f"Remove every document of {name}?", err=True):
        target.output.notice("Nothing was removed.")
        raise ItemsFailedError
    path = f"/v1/collections/{quote(name, safe='')}/documents"
    job = follow(target.api, target.api.call("DELETE", path)["job_id"], target.output)
    _show(target.output, job)
    if job["status"] != "succeeded":
        raise ItemsFailedError


@click.command("remove-tenant")
@click.option(
    "--confirm", metavar="NAME", help="The tenant's name, instead of typing it when asked."
)
@user_command
def remove_tenant(target: UserContext, confirm: str | None) -> None:
    """Remove the whole tenant: documents, collections, feedback, webhooks, jobs and keys.

    This cannot be undone or cancelled. The tenant's key is removed with it, so the removal has
    ended once the key is refused. The operator keeps a record of what was removed.
    """
    name = confirm or click.prompt("Type the name of the tenant that is to be removed", err=True)
    job_id = target.api.call("DELETE", "/v1/tenant", json={"tenant": name})["job_id"]
    job = follow(target.api, job_id, target.output, until_refused=True)
    if target.output.as_json:
        target.output.json(job)
    if job["status"] not in (*OPEN, "succeeded"):
        if not target.output.as_json:
            tell(target.output, job)
        raise ItemsFailedError
    if not target.output.as_json:
        done = job["counts"]["done"]
        target.output.line(f"The tenant {name} is removed, with {done} documents.")
        show_backups(target.output, job["backups"])


def follow(
    api: Api,
    job_id: str,
    output: Output,
    *,
    until_refused: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Json:
    """Return the job once it has ended or is paused, showing its progress meanwhile.

    With `until_refused` it has also ended once the key is refused; the last known state of the job
    is returned then.
    """
    path, previous, job = job_path(job_id), "", None
    while True:
        try:
            job = api.call("GET", path)
        except ApiError as refused:
            if until_refused and refused.status == _NO_KEY and job is not None:
                return job
            raise
        now = progress(job)
        if now != previous and not output.as_json:
            output.notice(now, "dim")
            previous = now
        if job["status"] not in _GOING:
            return job
        sleep(POLL_SECONDS)


def fetch_results(api: Api, job: Json, folder: Path, output: Output) -> list[Path]:
    """Download every file of a job's result into `folder`; return their paths.

    Signed addresses last 15 minutes, so each is requested just before its download.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for n, result in enumerate(job["results"]):
        file = folder / Path(result["name"]).name
        fresh = job if n == 0 else api.call("GET", job_path(job["job_id"]))
        api.download(fresh["results"][n]["url"], file, result["bytes"])
        if not output.as_json:
            output.notice(f"{file.name}, {result['bytes']} bytes", "dim")
        files.append(file)
    return files


def _list(target: UserContext, kind: str | None, status: str | None) -> None:
    params = {name: value for name, value in (("kind", kind), ("status", status)) if value}
    listed: list[Json] = []
    while True:
        page = target.api.call("GET", "/v1/jobs", params=params)
        listed += page["items"]
        if not page["next_cursor"]:
            break
        params["cursor"] = page["next_cursor"]
    if target.output.as_json:
        target.output.json(listed)
        return
    target.output.table(
        ("job", "kind", "status", "done", "failed", "total", "created"),
        [
            (
                job["job_id"],
                job["kind"],
                job["status"],
                job["counts"]["done"],
                job["counts"]["failed"],
                job["counts"]["total"],
                job["created_at"],
            )
            for job in listed
        ],
    )


def _show(output: Output, job: Json) -> None:
    if output.as_json:
        output.json(job)
        return
    rows = [
        (name, job[name])
        for name in job
        if name not in _SHOWN_OTHERWISE and job[name] not in (None, "")
    ]
    rows += [(name, count) for name, count in job["counts"].items() if count]
    output.table(("field", "value"), rows)
    for line in describe_receipt(job.get("receipt")):
        output.line(line, "dim")
    for note in job.get("notes", ()):
        output.line(note, "dim")
    show_backups(output, job["backups"])
    if job.get("error"):
        output.line(f"{job['error']['type']}: {job['error']['message']}", "red")


def tell(output: Output, job: Json) -> None:
    """Print in a line how a job ended, and why if it failed."""
    if output.as_json:
        return
    output.line(progress(job))
    if job.get("error"):
        output.line(f"{job['error']['type']}: {job['error']['message']}", "red")


def progress(job: Json) -> str:
    """Return in a line how far a job has come."""
    counts = job["counts"]
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    phase = f" ({job['phase']})" if job["phase"] else ""
    what = {"batch": "calls", "evaluation": "cases"}.get(job["kind"], "documents")
    return f"{job['status']}{phase}: {counts['done']} of {counts['total']} {what}{failed}"


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/v1/jobs/{quote(job_id, safe='')}"
