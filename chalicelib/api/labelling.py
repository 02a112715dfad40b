"""`/v1/labelling/tasks`: queues of items that people label, and what comes of it."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.api.http import (
    json_response,
    limit_of,
    parse_body,
    query_value,
    reviewer_of,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.idempotency import run_once
from chalicelib.contracts.label_results import (
    AdjudicatedItem,
    DisagreementList,
    LabelExportPage,
    LabellingProgress,
)
from chalicelib.contracts.labelling import (
    ITEM_PATTERN,
    TASK_PATTERN,
    AddedLabellingItems,
    AddLabellingItemsRequest,
    AdjudicateItemRequest,
    ClaimEnded,
    ClaimItemRequest,
    LabellingTask,
    LabellingTaskList,
    LabellingTerms,
    NextClaim,
    PutTaskStatusRequest,
    SkipItemRequest,
    SubmitLabelRequest,
)
from chalicelib.contracts.operations import CURSOR, Operation, Parameter, limit_parameter
from chalicelib.errors import Conflict, NotFound, QuotaExceeded
from chalicelib.jobs.ulids import ulid
from chalicelib.labelling.queue import LabellingQueue
from chalicelib.labelling.tasks import LabellingTasks

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.wiring.api import ApiParts

MAX_TASKS_A_PAGE = 100
MAX_DISAGREEMENTS_A_PAGE = 20
MAX_EXPORTED_A_PAGE = 40
"""Rows of a page: each may be 120 KB, and an answer 6 MB."""
CREATED = 201
_FIRST_PAUSE_SECONDS = 0.02
_PLACE = "/v1/labelling/tasks"
_TASK = _PLACE + "/{task_id}"
_ITEM = _TASK + "/items/{item_id}"
_CLAIM = _TASK + "/claims/{claim_id}"
_FORMAT = Parameter(
    "format",
    "`preference` of pairs, `supervised` of answers and extractions, `labels` of any; left out, the"
    " first that the kind has.",
    {"type": "string", "enum": ["preference", "supervised", "labels"]},
)


@dataclass(frozen=True, slots=True)
class LabellingServices:
    """The collaborators of the views of this module."""

    tasks: LabellingTasks
    queue: LabellingQueue
    answers: ResponseRecords


def build_services(parts: ApiParts) -> LabellingServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters.records.labelling import LabelTable

    records = LabelTable(parts.table)
    return LabellingServices(
        LabellingTasks(records, utcnow, new_id),
        LabellingQueue(records, utcnow, new_id, pause_before_attempt),
        parts.records,
    )


def routes(services: Callable[[], LabellingServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route(_PLACE, methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling", {201: LabellingTask}, body=LabellingTerms, once=True, errors=(Conflict,)
        ),
    )
    def create_labelling_task() -> Response:
        """Make a task: what reviewers are asked, and how many of them label an item."""
        request, deps = blueprint.current_request, services()
        terms, tenant = parse_body(request, LabellingTerms), tenant_of(request)
        return run_once(request, deps.answers, lambda: deps.tasks.create(tenant, terms), CREATED)

    @blueprint.route(_PLACE, methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling", {200: LabellingTaskList}, query=(limit_parameter(MAX_TASKS_A_PAGE), CURSOR)
        ),
    )
    def list_labelling_tasks() -> Response:
        """List tasks, newest first, a page at a time."""
        return json_response(_list(blueprint.current_request, services().tasks))

    @blueprint.route(_TASK, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("labelling", {200: LabellingTask}, errors=(NotFound,)))
    def get_labelling_task(task_id: str) -> Response:
        """Show a task."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().tasks.task(tenant, _task_id(task_id)))

    @blueprint.route(_TASK, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("labelling", {204: None}, errors=(NotFound,)))
    def delete_labelling_task(task_id: str) -> Response:
        """Remove a task with its items and labels; one that was cut off may be repeated."""
        services().tasks.remove(tenant_of(blueprint.current_request), _task_id(task_id))
        return Response(body="", status_code=204)

    @blueprint.route(_TASK + "/status", methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling",
            {200: LabellingTask},
            body=PutTaskStatusRequest,
            errors=(NotFound, Conflict),
        ),
    )
    def put_labelling_status(task_id: str) -> Response:
        """Close a task to new claims and items, or open it again."""
        request = blueprint.current_request
        body = parse_body(request, PutTaskStatusRequest)
        tenant = tenant_of(request)
        return json_response(services().tasks.set_status(tenant, _task_id(task_id), body.status))

    @blueprint.route(_TASK + "/items", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling",
            {200: AddedLabellingItems},
            body=AddLabellingItemsRequest,
            errors=(NotFound, Conflict, QuotaExceeded),
        ),
    )
    def add_labelling_items(task_id: str) -> Response:
        """Add items to a task; those that it has already stay as they are."""
        request = blueprint.current_request
        body = parse_body(request, AddLabellingItemsRequest)
        added = services().tasks.add(tenant_of(request), _task_id(task_id), body.items)
        return json_response(added)

    _review_routes(blueprint, services, authorizer)
    _result_routes(blueprint, services, authorizer)
    return blueprint


def _review_routes(
    blueprint: Blueprint, services: Callable[[], LabellingServices], authorizer: ChaliceAuthorizer
) -> None:
    @blueprint.route(_TASK + "/claims", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling",
            {200: NextClaim},
            body=ClaimItemRequest,
            errors=(NotFound, Conflict),
        ),
    )
    def claim_labelling_item(task_id: str) -> Response:
        """Take the next item: the one that this reviewer has already, or else another."""
        request = blueprint.current_request
        body = parse_body(request, ClaimItemRequest)
        reviewer = reviewer_of(request, body.reviewer)
        claim = services().queue.next_claim(tenant_of(request), _task_id(task_id), reviewer)
        return json_response(claim)

    @blueprint.route(_CLAIM + "/label", methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling", {200: ClaimEnded}, body=SubmitLabelRequest, errors=(NotFound, Conflict)
        ),
    )
    def put_claim_label(task_id: str, claim_id: str) -> Response:
        """Give the label of a claim; sent again, it changes nothing."""
        request = blueprint.current_request
        body = parse_body(request, SubmitLabelRequest)
        where, reviewer = (_task_id(task_id), claim_id), reviewer_of(request, body.reviewer)
        return json_response(services().queue.submit(tenant_of(request), *where, reviewer, body))

    @blueprint.route(_CLAIM + "/skip", methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling", {200: ClaimEnded}, body=SkipItemRequest, errors=(NotFound, Conflict)
        ),
    )
    def put_claim_skip(task_id: str, claim_id: str) -> Response:
        """End a claim without a label, and say why."""
        request = blueprint.current_request
        body = parse_body(request, SkipItemRequest)
        where, reviewer = (_task_id(task_id), claim_id), reviewer_of(request, body.reviewer)
        return json_response(services().queue.skip(tenant_of(request), *where, reviewer, body))


def _result_routes(
    blueprint: Blueprint, services: Callable[[], LabellingServices], authorizer: ChaliceAuthorizer
) -> None:
    @blueprint.route(_TASK + "/progress", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("labelling", {200: LabellingProgress}, errors=(NotFound,))
    )
    def get_labelling_progress(task_id: str) -> Response:
        """Show how far a task is, how well reviewers agree, and how each does on gold items."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().tasks.progress(tenant, _task_id(task_id)))

    @blueprint.route(_TASK + "/disagreements", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling",
            {200: DisagreementList},
            query=(limit_parameter(MAX_DISAGREEMENTS_A_PAGE), CURSOR),
            errors=(NotFound,),
        ),
    )
    def list_disagreements(task_id: str) -> Response:
        """List the items that need an adjudication, a page at a time."""
        request = blueprint.current_request
        asked = {"task": _task_id(task_id)}
        after, limit = _after(request, asked), limit_of(request, MAX_DISAGREEMENTS_A_PAGE)
        page, last = services().tasks.disagreements(tenant_of(request), task_id, after, limit)
        cursor = write_cursor(last, asked) if last else None
        return json_response(page.model_copy(update={"next_cursor": cursor}))

    @blueprint.route(_ITEM + "/adjudication", methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling",
            {200: AdjudicatedItem},
            body=AdjudicateItemRequest,
            errors=(NotFound, Conflict),
        ),
    )
    def adjudicate_item(task_id: str, item_id: str) -> Response:
        """Decide on the label of an item that is done."""
        request = blueprint.current_request
        body = parse_body(request, AdjudicateItemRequest)
        where = _task_id(task_id), _item_id(item_id)
        reviewer = reviewer_of(request, body.reviewer)
        queue = services().queue
        return json_response(queue.adjudicate(tenant_of(request), *where, reviewer, body))

    @blueprint.route(_TASK + "/export", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "labelling",
            {200: LabelExportPage},
            query=(_FORMAT, limit_parameter(MAX_EXPORTED_A_PAGE), CURSOR),
            errors=(NotFound,),
        ),
    )
    def export_labels(task_id: str) -> Response:
        """Give the decided items as rows to train on, a page at a time."""
        request = blueprint.current_request
        wanted = query_value(request, "format")
        asked = {"task": _task_id(task_id), "format": wanted}
        after, limit = _after(request, asked), limit_of(request, MAX_EXPORTED_A_PAGE)
        page, last = services().tasks.export(tenant_of(request), task_id, wanted, after, limit)
        cursor = write_cursor(last, asked) if last else None
        return json_response(page.model_copy(update={"next_cursor": cursor}))


def _list(request: Request, tasks: LabellingTasks) -> LabellingTaskList:
    limit, cursor = limit_of(request, MAX_TASKS_A_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {}, TASK_PATTERN) if cursor is not None else ""
    items: list[LabellingTask] = []
    for task in tasks.records.tasks(tenant_of(request), after):
        if len(items) == limit:
            cursor = write_cursor(items[-1].task_id, {})
            return LabellingTaskList(items=tuple(items), next_cursor=cursor)
        items.append(task)
    return LabellingTaskList(items=tuple(items), next_cursor=None)


def _after(request: Request, asked: Mapping[str, str | None]) -> str:
    cursor = query_value(request, "cursor")
    return read_cursor(cursor, asked, ITEM_PATTERN) if cursor is not None else ""


def _task_id(task_id: str) -> str:
    """Return what can be the id of a task. Raises `NotFound`."""
    if not re.fullmatch(TASK_PATTERN, task_id):
        raise NotFound("There is no such task; headrace labelling ls lists them.", field="task_id")
    return task_id


def _item_id(item_id: str) -> str:
    """Return what can be the id of an item. Raises `NotFound`."""
    if not re.fullmatch(ITEM_PATTERN, item_id):
        raise NotFound("The task has no such item.", field="item_id")
    return item_id


def new_id() -> str:
    """Return a unique id that sorts by time."""
    return ulid(utcnow())


def pause_before_attempt(attempt: int) -> None:
    """Wait before another attempt at a change that others came before: 0.32 s at most."""
    if attempt:
        time.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2 ** min(attempt, 4)))  # noqa: S311
