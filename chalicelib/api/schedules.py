"""`/v1/schedules`: what runs by the clock for a tenant, and the history of its runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.api.http import (
    json_response,
    key_id_of,
    limit_of,
    parse_body,
    query_value,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.idempotency import run_once
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.contracts.schedules import (
    SCHEDULE_PATTERN,
    BatchWork,
    CreateScheduleRequest,
    EvaluationWork,
    ReplaceScheduleRequest,
    Schedule,
    ScheduleChangeRequest,
    ScheduleList,
    ScheduleRun,
    ScheduleRunList,
    ScheduleTerms,
)
from chalicelib.errors import Conflict, NotFound, QuotaExceeded, Unsupported
from chalicelib.jobs.ulids import ULID_PATTERN, ulid

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.contracts.prompts import PromptVersion
    from chalicelib.generation.models import ServedModels
    from chalicelib.labelling.extractor_terms import SavedExtractors
    from chalicelib.prompts.library import PromptLibrary
    from chalicelib.schedules.library import ScheduleLibrary
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 50
"""Schedules have up to 64 KiB of terms, and Lambda answers with 6 MB at most."""
MAX_RUNS_PAGE = 100
CREATED = 201
ACCEPTED = 202
_PLACE = "/v1/schedules/{schedule}"


@dataclass(frozen=True, slots=True)
class ScheduleServices:
    """The collaborators of the views of this module."""

    library: ScheduleLibrary
    answers: ResponseRecords


def build_services(parts: ApiParts) -> ScheduleServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters.records.extractors import ExtractorTable
    from chalicelib.adapters.records.locations import LocationTable
    from chalicelib.adapters.records.monitors import MonitorTable
    from chalicelib.adapters.records.webhooks import WebhookTable
    from chalicelib.schedules.library import ScheduleLibrary
    from chalicelib.wiring.jobs import schedule_events
    from chalicelib.wiring.models import stage_models
    from chalicelib.wiring.prompts import prompt_library

    read_models = stage_models(parts.environ)
    handlers = schedule_events(parts.environ)
    locations, webhooks = LocationTable(parts.table), WebhookTable(parts.table)
    monitors = MonitorTable(parts.table)
    terms = TermsCheck(
        bucket=parts.settings.bucket,
        granted=lambda tenant, writes: locations.granted(tenant, writes=writes),
        has_webhook=lambda tenant, webhook: webhooks.webhook(tenant, webhook) is not None,
        prompts=prompt_library(parts.environ),
        models=lambda: read_models().models,
        has_monitor=lambda tenant, name: monitors.monitor(tenant, name) is not None,
        extractors=ExtractorTable(parts.table),
    )
    return ScheduleServices(
        library=ScheduleLibrary(
            records=handlers.records,
            keeper=handlers.entries,
            dispatcher=handlers.dispatcher,
            check=terms.check,
            now=utcnow,
            new_id=ulid,
        ),
        answers=parts.records,
    )


def routes(services: Callable[[], ScheduleServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/schedules", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "schedules",
            {201: Schedule},
            body=CreateScheduleRequest,
            once=True,
            errors=(NotFound, Conflict, QuotaExceeded, Unsupported),
        ),
    )
    def create_schedule() -> Response:
        """Create a schedule: when it runs, in its time zone, and what then is done."""
        request, deps = blueprint.current_request, services()
        body, tenant = parse_body(request, CreateScheduleRequest), tenant_of(request)
        create, key = deps.library.create, key_id_of(request)
        return run_once(
            request, deps.answers, lambda: create(tenant, body.name, body.terms(), key), CREATED
        )

    @blueprint.route("/v1/schedules", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("schedules", {200: ScheduleList}, query=(limit_parameter(MAX_PAGE), CURSOR)),
    )
    def list_schedules() -> Response:
        """List schedules by name, a page at a time."""
        return json_response(_list(blueprint.current_request, services().library))

    @blueprint.route(_PLACE, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("schedules", {200: Schedule}, errors=(NotFound,)))
    def get_schedule(schedule: str) -> Response:
        """Show a schedule, the next five times that it runs at, and its last run."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().library.show(tenant, schedule))

    @blueprint.route(_PLACE, methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "schedules",
            {200: Schedule},
            body=ReplaceScheduleRequest,
            errors=(NotFound, Conflict, Unsupported),
        ),
    )
    def put_schedule(schedule: str) -> Response:
        """Replace the terms of a schedule; its watermark, its history and a pause stay."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, ReplaceScheduleRequest)
        return json_response(
            deps.library.replace(tenant_of(request), schedule, body, key_id_of(request))
        )

    @blueprint.route(_PLACE, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("schedules", {204: None}, errors=(NotFound,)))
    def delete_schedule(schedule: str) -> Response:
        """Remove a schedule; a run that goes on is cancelled, and its history expires."""
        services().library.remove(tenant_of(blueprint.current_request), schedule)
        return Response(body="", status_code=204)

    _changing_routes(blueprint, services, authorizer)
    _run_routes(blueprint, services, authorizer)
    return blueprint


def _changing_routes(
    blueprint: Blueprint, services: Callable[[], ScheduleServices], authorizer: ChaliceAuthorizer
) -> None:
    changing = Operation(
        "schedules",
        {200: Schedule},
        body=ScheduleChangeRequest,
        body_may_be_left_out=True,
        once=True,
        errors=(NotFound, Conflict),
    )

    @blueprint.route(_PLACE + "/pause", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, changing)
    def pause_schedule(schedule: str) -> Response:
        """Pause a schedule: nothing begins until it is resumed; what goes on is not stopped."""
        request, deps = blueprint.current_request, services()
        _parse_nothing(request)
        tenant = tenant_of(request)
        return run_once(request, deps.answers, lambda: deps.library.pause(tenant, schedule))

    @blueprint.route(_PLACE + "/resume", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, changing)
    def resume_schedule(schedule: str) -> Response:
        """Resume a paused schedule from its next time on; times of the pause are not made up."""
        request, deps = blueprint.current_request, services()
        _parse_nothing(request)
        tenant = tenant_of(request)
        return run_once(request, deps.answers, lambda: deps.library.resume(tenant, schedule))


def _run_routes(
    blueprint: Blueprint, services: Callable[[], ScheduleServices], authorizer: ChaliceAuthorizer
) -> None:
    @blueprint.route(_PLACE + "/run", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "schedules",
            {202: ScheduleRun},
            body=ScheduleChangeRequest,
            body_may_be_left_out=True,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def run_schedule(schedule: str) -> Response:
        """Run a schedule now, beside its times; also one that is paused."""
        request, deps = blueprint.current_request, services()
        _parse_nothing(request)
        tenant = tenant_of(request)
        return run_once(request, deps.answers, lambda: deps.library.run(tenant, schedule), ACCEPTED)

    @blueprint.route(_PLACE + "/runs", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "schedules",
            {200: ScheduleRunList},
            query=(limit_parameter(MAX_RUNS_PAGE), CURSOR),
            errors=(NotFound,),
        ),
    )
    def list_schedule_runs(schedule: str) -> Response:
        """List the runs of a schedule, newest first, and the times that were left out."""
        return json_response(_list_runs(blueprint.current_request, schedule, services().library))

    @blueprint.route(_PLACE + "/runs/{run_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("schedules", {200: ScheduleRun}, errors=(NotFound,)))
    def get_schedule_run(schedule: str, run_id: str) -> Response:
        """Show a run of a schedule."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().library.show_run(tenant, schedule, run_id))


def _parse_nothing(request: Request) -> None:
    if request.raw_body:
        parse_body(request, ScheduleChangeRequest)


def _list(request: Request, library: ScheduleLibrary) -> ScheduleList:
    limit, cursor = limit_of(request, MAX_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {}, SCHEDULE_PATTERN) if cursor is not None else ""
    items: list[Schedule] = []
    for state in library.records.schedules(tenant_of(request), after):
        if len(items) == limit:
            return ScheduleList(items=tuple(items), next_cursor=write_cursor(items[-1].name, {}))
        items.append(library.view(state))
    return ScheduleList(items=tuple(items), next_cursor=None)


def _list_runs(request: Request, name: str, library: ScheduleLibrary) -> ScheduleRunList:
    limit, cursor = limit_of(request, MAX_RUNS_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {"schedule": name}, ULID_PATTERN) if cursor is not None else ""
    items: list[ScheduleRun] = []
    for run in library.runs(tenant_of(request), name, after):
        if len(items) == limit:
            following = write_cursor(items[-1].run_id, {"schedule": name})
            return ScheduleRunList(items=tuple(items), next_cursor=following)
        items.append(run)
    return ScheduleRunList(items=tuple(items), next_cursor=None)


@dataclass(frozen=True, slots=True)
class TermsCheck:
    """Looks whether what a schedule names is there, and its tenant may use it.

    Attributes:
        bucket: The bucket of the stage.
        granted: Returns what an operator granted a tenant to read, or with True to write.
        has_webhook: Tells whether a tenant has a webhook.
        models: Returns the models of the stage.
        has_monitor: Tells whether a tenant has a monitor.
    """

    bucket: str
    granted: Callable[[str, bool], list[str]]
    has_webhook: Callable[[str, str], bool]
    prompts: PromptLibrary
    models: Callable[[], ServedModels]
    has_monitor: Callable[[str, str], bool]
    extractors: SavedExtractors

    def check(self, tenant: str, terms: ScheduleTerms) -> None:
        """Check the work of `terms`.

        Raises:
            InvalidInput: a location or a variable of the prompt is wrong.
            NotFound: there is no such model, prompt, version, extractor, monitor or webhook.
            Unsupported: the prompt takes more than one call.
        """
        from chalicelib.schedules.locations import check_work

        work = terms.work
        check_work(work, tenant, self.bucket, lambda writes: self.granted(tenant, writes))
        if work.kind == "batch":
            self._check_batch(tenant, work)
        if work.kind == "evaluation":
            self._check_suite(tenant, work)
        if work.kind == "extraction":
            from chalicelib.labelling.extractor_terms import referenced_terms

            referenced_terms(self.extractors, tenant, work.extractor)
        if work.kind == "watch" and not self.has_monitor(tenant, work.monitor):
            raise NotFound(f"There is no monitor {work.monitor}.", field="work.monitor")
        for result in () if work.kind == "sync" else work.results:
            if result.type == "webhook" and not self.has_webhook(tenant, result.webhook_id):
                raise NotFound(f"There is no webhook {result.webhook_id}.", field="webhook_id")

    def _check_suite(self, tenant: str, work: EvaluationWork) -> None:
        from chalicelib.evaluation.pinned_targets import pin_targets
        from chalicelib.evaluation.suites import check_graders, check_variables

        def find(name: str, wanted: str | int) -> PromptVersion:
            return self.prompts.version(tenant, name, wanted)

        check_graders(work.suite)
        pinned = pin_targets(work.suite, find, self.prompts.check)
        check_variables(work.suite, {each.target: each.content for each in pinned})

    def _check_batch(self, tenant: str, work: BatchWork) -> None:
        from chalicelib.generation.models import AUTO
        from chalicelib.schedules.prompts import document_variable

        if work.model != AUTO:
            self.models().model(work.model)
        if work.prompt is not None:
            version = self.prompts.version(tenant, work.prompt.name, work.prompt.version)
            document_variable(work.prompt, version)
