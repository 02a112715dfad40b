"""The Chalice application: mounts the API and binds events to the ingest.

Queue and pattern names contain the stage, which Chalice sets before it imports this module. Nine
Lambda functions share the module. Each learns from Lambda which handler it runs, and only the API's
function imports the API, whose modules would be most of the start of the others. The API in turn
imports the views of a path at the first request for it.
"""

from __future__ import annotations

import os
from typing import Any

from chalice.app import AuthRequest, AuthResponse, Chalice, CloudWatchEvent, Rate, SQSEvent

from chalicelib.api.auth import authorize
from chalicelib.wiring.ingest import ingest
from chalicelib.wiring.jobs import job_events, schedule_events
from chalicelib.wiring.keys import keys
from chalicelib.wiring.webhooks import webhooks

STAGE = os.environ.get("HEADRACE_STAGE", "local")

API = "app.app"
"""The handler of the API's function."""
HANDLER = os.environ.get("_HANDLER", "")
"""The handler that this process runs; "" outside Lambda, as when Chalice makes the template."""

app = Chalice(app_name="headrace")


@app.authorizer(ttl_seconds=0, name="authorizer")
def authorizer(request: AuthRequest) -> AuthResponse | dict[str, Any]:
    """Authorize a request by its API key; not cached, so that revoking a key works at once."""
    return authorize(request, keys(os.environ))


if HANDLER in {"", API}:
    from chalicelib.api.application import mount
    from chalicelib.wiring.api import ApiParts

    parts = ApiParts(os.environ)
    mounted = mount(
        app,
        lambda resource: resource.load().build_services(parts),
        authorizer,
        os.environ.get("HEADRACE_ALLOWED_ORIGINS", "none"),
    )
    if not HANDLER:
        mounted.mount_all()


@app.on_sqs_message(queue=f"headrace-{STAGE}-inbox", batch_size=10, name="object_created")
def object_created(event: SQSEvent) -> dict[str, Any]:
    """Claim each object of the batch and start its ingest; return the messages to retry."""
    return ingest(os.environ).object_created(event.to_dict())


@app.on_cw_event(
    {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
            "stateMachineArn": [{"suffix": f":stateMachine:headrace-{STAGE}-ingest"}],
        },
    },
    name="execution_ended",
)
def execution_ended(event: CloudWatchEvent) -> None:
    """Settle an ended ingest: free its slot, and record a failure that it could not record."""
    ingest(os.environ).execution_ended(event.to_dict())


@app.on_sqs_message(queue=f"headrace-{STAGE}-webhooks", batch_size=1, name="webhook_due")
def webhook_due(event: SQSEvent) -> dict[str, Any]:
    """Create deliveries of an event, or attempt one; return the messages that come again."""
    return webhooks(os.environ).webhook_due(event.to_dict())


@app.on_cw_event(
    {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
            "stateMachineArn": [
                {"suffix": f":stateMachine:headrace-{STAGE}-export"},
                {"suffix": f":stateMachine:headrace-{STAGE}-remove"},
                {"suffix": f":stateMachine:headrace-{STAGE}-reindex"},
                {"suffix": f":stateMachine:headrace-{STAGE}-batch"},
                {"suffix": f":stateMachine:headrace-{STAGE}-generate"},
                {"suffix": f":stateMachine:headrace-{STAGE}-schedule"},
                {"suffix": f":stateMachine:headrace-{STAGE}-evaluate"},
                {"suffix": f":stateMachine:headrace-{STAGE}-rollout"},
                {"suffix": f":stateMachine:headrace-{STAGE}-extract"},
            ],
        },
    },
    name="job_ended",
)
def job_ended(event: CloudWatchEvent) -> None:
    """Settle an ended job: record a failure that it could not record."""
    job_events(os.environ).job_ended(event.to_dict())


@app.on_sqs_message(queue=f"headrace-{STAGE}-schedules", batch_size=1, name="schedule_due")
def schedule_due(event: SQSEvent) -> dict[str, Any]:
    """Record the runs of a schedule that are due, and begin them; return what comes again."""
    return schedule_events(os.environ).schedule_due(event.to_dict())


@app.schedule(Rate(15, unit=Rate.MINUTES), name="sweep_jobs")
def sweep_jobs(event: CloudWatchEvent) -> None:
    """Start jobs that were accepted but not started; settle those that ended unnoticed.

    Then do what schedules missed: their times, and the runs and entries that go with these.
    """
    try:
        job_events(os.environ).sweep()
    finally:
        schedule_events(os.environ).sweep()


@app.schedule(Rate(15, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> None:
    """Start ingests that were claimed but not started; settle those that ended unnoticed."""
    ingest(os.environ).sweep()
