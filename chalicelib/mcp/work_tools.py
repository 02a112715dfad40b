"""Tools for jobs, schedules and usage. Data: each calls its one route."""

from __future__ import annotations

from chalicelib.mcp.job_results import get_job
from chalicelib.mcp.jsonrpc import Json
from chalicelib.mcp.tool import ACCEPTED, PAGING, McpTool, ToolArgument, ToolRoute

_JOB_ID = ToolArgument("job_id", "The job's id.", required=True)
_SCHEDULE = ToolArgument("schedule", "The schedule's name.", required=True)
_WORK: Json = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["batch", "sync", "export", "report", "evaluation", "extraction", "watch"]}
    },
    "required": ["kind"],
    "examples": [
        {
            "kind": "batch",
            "source": {"type": "documents", "collection": "inbox"},
            "prompt": {"name": "sum-up", "version": "production"},
            "results": [{"type": "collection", "collection": "summaries"}],
        },
        {"kind": "extraction", "collection": "invoices", "extractor": "invoice"},
    ],
}

WORK_TOOLS: tuple[McpTool, ...] = (
    McpTool(
        name="list_jobs",
        title="List jobs",
        description="List jobs, newest first: exports, batches, extractions, runs of schedules.",
        routes=(ToolRoute("GET", "/v1/jobs"),),
        arguments=(
            ToolArgument("kind", "Only jobs of this kind."),
            ToolArgument("status", "Only jobs with this status."),
            *PAGING,
        ),
        read_only=True,
    ),
    McpTool(
        name="get_job",
        title="Show a job",
        description="Show how far a job is, its error, addresses of its results, and, of a batch or"
        " an extraction that has ended, their beginning.",
        routes=(ToolRoute("GET", "/v1/jobs/{job_id}"),),
        arguments=(_JOB_ID,),
        read_only=True,
        run=get_job,
    ),
    McpTool(
        name="list_job_errors",
        title="List what failed of a job",
        description="List the lines of a batch, or the documents of an extraction, that have no"
        " result, each with its error; also while the job goes on.",
        routes=(ToolRoute("GET", "/v1/jobs/{job_id}/errors"),),
        arguments=(_JOB_ID, *PAGING),
        read_only=True,
    ),
    McpTool(
        name="cancel_job",
        title="Cancel a job",
        description="Cancel a job that has not ended; what it has done stays.",
        routes=(ToolRoute("DELETE", "/v1/jobs/{job_id}"),),
        arguments=(_JOB_ID,),
        destructive=True,
        repeatable=True,
    ),
    McpTool(
        name="resume_job",
        title="Resume a job",
        description="Go on with a batch that waits for its estimate to be confirmed, or is paused.",
        routes=(ToolRoute("POST", "/v1/jobs/{job_id}/resume", status=ACCEPTED),),
        arguments=(_JOB_ID,),
        repeatable=True,
    ),
    McpTool(
        name="list_schedules",
        title="List schedules",
        description="List what runs by the clock, by name, with the next times and the last run.",
        routes=(ToolRoute("GET", "/v1/schedules"),),
        arguments=PAGING,
        read_only=True,
    ),
    McpTool(
        name="get_schedule",
        title="Show a schedule",
        description="Show a schedule: its terms, the next times that it runs at, and its last run.",
        routes=(ToolRoute("GET", "/v1/schedules/{schedule}"),),
        arguments=(_SCHEDULE,),
        read_only=True,
    ),
    McpTool(
        name="list_schedule_runs",
        title="List the runs of a schedule",
        description="List the runs of a schedule, newest first, and times that were left out.",
        routes=(ToolRoute("GET", "/v1/schedules/{schedule}/runs"),),
        arguments=(_SCHEDULE, *PAGING),
        read_only=True,
    ),
    McpTool(
        name="create_schedule",
        title="Create a schedule",
        description="Have work done by the clock: when, in which time zone, and what.",
        routes=(ToolRoute("POST", "/v1/schedules", status=201),),
        arguments=(
            ToolArgument("name", "Its name.", required=True),
            ToolArgument(
                "expression",
                "When: cron(0 2 * * ? *), rate(1 hour), or at(2026-12-24T18:00:00).",
                required=True,
            ),
            ToolArgument("time_zone", "The time zone of the expression."),
            ToolArgument("work", "What is done, by its kind.", _WORK, required=True),
            ToolArgument("budget", "Dollars that the estimate of one run may have."),
            ToolArgument("description", "What it is for."),
        ),
    ),
    McpTool(
        name="run_schedule",
        title="Run a schedule now",
        description="Run a schedule now, beside its times; also one that is paused.",
        routes=(ToolRoute("POST", "/v1/schedules/{schedule}/run", status=ACCEPTED),),
        arguments=(_SCHEDULE,),
    ),
    McpTool(
        name="pause_schedule",
        title="Pause a schedule",
        description="Let nothing begin by a schedule until it is resumed.",
        routes=(ToolRoute("POST", "/v1/schedules/{schedule}/pause"),),
        arguments=(_SCHEDULE,),
        repeatable=True,
    ),
    McpTool(
        name="resume_schedule",
        title="Resume a schedule",
        description="Resume a paused schedule from its next time on.",
        routes=(ToolRoute("POST", "/v1/schedules/{schedule}/resume"),),
        arguments=(_SCHEDULE,),
        repeatable=True,
    ),
    McpTool(
        name="get_usage",
        title="Show usage and cost",
        description="Show what models were asked for and what they cost, by day, model, key or"
        " collection, in dollars of AWS's list prices.",
        routes=(ToolRoute("GET", "/v1/usage"),),
        arguments=(
            ToolArgument("from", "The first day, in UTC."),
            ToolArgument("to", "The last day, in UTC."),
            ToolArgument("by", "What a row is for."),
        ),
        read_only=True,
    ),
    McpTool(
        name="get_budgets",
        title="Show budgets",
        description="Show what may still be spent today, and by which limits.",
        routes=(ToolRoute("GET", "/v1/budgets"),),
        read_only=True,
    ),
)
