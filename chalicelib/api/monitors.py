"""`/v1/monitors`: which calls are captured, and the captured calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.api.http import (
    json_response,
    limit_of,
    parse_body,
    query_value,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.drift import DriftReport
from chalicelib.contracts.monitors import (
    MAX_MONITORS,
    CapturedCallList,
    Monitor,
    MonitorList,
    PutMonitorRequest,
)
from chalicelib.contracts.names import MONITOR_PATTERN
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from chalicelib.jobs.ulids import ULID_PATTERN

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts

MAX_CALLS_PAGE = 25
"""A call has up to 200 KB of text, and Lambda answers with 6 MB at most."""
_PLACE = "/v1/monitors/{monitor}"


class MonitorStore(Protocol):
    """Stores monitors by tenant."""

    def put(self, tenant: str, monitor: Monitor) -> None:
        """Store a monitor, in place of one of its name; raise `Conflict` if the tenant is gone."""

    def monitors(self, tenant: str) -> Sequence[Monitor]:
        """Return the tenant's monitors, by name."""

    def monitor(self, tenant: str, name: str) -> Monitor | None:
        """Return one monitor, or None."""

    def remove(self, tenant: str, name: str) -> bool:
        """Remove a monitor; return False if there is none."""

    def report(self, tenant: str, name: str) -> DriftReport | None:
        """Return the report of a monitor's last look, or None."""

    def remove_baselines(self, tenant: str, subject: CaptureSubject) -> int:
        """Remove the baselines of a subject; return how many those were."""


class CallReader(Protocol):
    """Reads captured calls."""

    def newest(
        self, tenant: str, subject: CaptureSubject, count: int, before: str = ""
    ) -> Iterator[CapturedCall]:
        """Yield at most `count` calls of a subject, newest first, from behind the id `before`."""


@dataclass(frozen=True, slots=True)
class MonitorServices:
    """The collaborators of the views of this module."""

    records: MonitorStore
    calls: CallReader
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> MonitorServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters.records.captures import CapturedCallTable
    from chalicelib.adapters.records.monitors import MonitorTable

    return MonitorServices(MonitorTable(parts.table), CapturedCallTable(parts.table), utcnow)


def routes(services: Callable[[], MonitorServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/monitors", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("monitors", {200: MonitorList}))
    def list_monitors() -> Response:
        """List the monitors by name."""
        found = services().records.monitors(tenant_of(blueprint.current_request))
        return json_response(MonitorList(items=tuple(found)))

    @blueprint.route(_PLACE, methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "monitors",
            {200: Monitor},
            body=PutMonitorRequest,
            errors=(Conflict, QuotaExceeded),
        ),
    )
    def put_monitor(monitor: str) -> Response:
        """Create a monitor of a subject, or replace its terms; calls are captured within 10 s."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, PutMonitorRequest)
        return json_response(_put(tenant_of(request), monitor, body, deps))

    @blueprint.route(_PLACE, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("monitors", {200: Monitor}, errors=(NotFound,)))
    def get_monitor(monitor: str) -> Response:
        """Show a monitor."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(_existing(tenant, monitor, services().records))

    @blueprint.route(_PLACE, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("monitors", {204: None}, errors=(NotFound,)))
    def delete_monitor(monitor: str) -> Response:
        """Remove a monitor: nothing is captured for it any more, and captured calls expire."""
        if not services().records.remove(tenant_of(blueprint.current_request), monitor):
            raise _missing(monitor)
        return Response(body="", status_code=204)

    @blueprint.route(_PLACE + "/calls", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "monitors",
            {200: CapturedCallList},
            query=(limit_parameter(MAX_CALLS_PAGE), CURSOR),
            errors=(NotFound,),
        ),
    )
    def list_captured_calls(monitor: str) -> Response:
        """List the captured calls of a monitor's subject, newest first, a page at a time."""
        return json_response(_calls(blueprint.current_request, monitor, services()))

    _drift_routes(blueprint, services, authorizer)
    return blueprint


def _drift_routes(
    blueprint: Blueprint, services: Callable[[], MonitorServices], authorizer: ChaliceAuthorizer
) -> None:
    @blueprint.route(_PLACE + "/report", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("monitors", {200: DriftReport}, errors=(NotFound,)))
    def get_drift_report(monitor: str) -> Response:
        """Show what the last look of a monitor found; a schedule that watches it looks."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        _existing(tenant, monitor, deps.records)
        report = deps.records.report(tenant, monitor)
        if report is None:
            raise NotFound(
                f"No schedule has looked at {monitor} yet; create one that watches it.",
                field="monitor",
            )
        return json_response(report)

    @blueprint.route(_PLACE + "/baselines", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("monitors", {204: None}, errors=(NotFound,)))
    def delete_baselines(monitor: str) -> Response:
        """Remove the baselines of a monitor's subject: the next look makes a new one."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        deps.records.remove_baselines(tenant, _existing(tenant, monitor, deps.records).subject)
        return Response(body="", status_code=204)


def _put(tenant: str, name: str, body: PutMonitorRequest, deps: MonitorServices) -> Monitor:
    if not re.fullmatch(MONITOR_PATTERN, name):
        raise InvalidInput(
            "A monitor's name has 1 to 63 lower-case letters, digits, '-' and '_', and begins with"
            " a letter or a digit.",
            field="monitor",
        )
    existing, now = deps.records.monitors(tenant), deps.now()
    before = next((each for each in existing if each.name == name), None)
    if before is None and len(existing) >= MAX_MONITORS:
        raise QuotaExceeded(
            f"A tenant has at most {MAX_MONITORS} monitors; delete one first.",
            limit=str(MAX_MONITORS),
        )
    if before is not None and before.subject != body.subject:
        raise Conflict(
            f"The monitor {name} watches {before.subject.path}; delete it to watch another"
            " subject by this name.",
            field="subject",
        )
    created = now if before is None else before.created_at
    terms = {field: getattr(body, field) for field in PutMonitorRequest.model_fields}
    monitor = Monitor(**terms, name=name, created_at=created, updated_at=now)
    deps.records.put(tenant, monitor)
    return monitor


def _existing(tenant: str, name: str, records: MonitorStore) -> Monitor:
    monitor = records.monitor(tenant, name)
    if monitor is None:
        raise _missing(name)
    return monitor


def _missing(name: str) -> NotFound:
    return NotFound(f"There is no monitor {name}.", field="monitor")


def _calls(request: Request, name: str, deps: MonitorServices) -> CapturedCallList:
    tenant, limit = tenant_of(request), limit_of(request, MAX_CALLS_PAGE)
    subject = _existing(tenant, name, deps.records).subject
    bound = {"monitor": name}
    cursor = query_value(request, "cursor")
    before = read_cursor(cursor, bound, ULID_PATTERN) if cursor is not None else ""
    items = tuple(deps.calls.newest(tenant, subject, limit + 1, before))
    if len(items) <= limit:
        return CapturedCallList(items=items)
    shown = items[:limit]
    return CapturedCallList(items=shown, next_cursor=write_cursor(shown[-1].id, bound))
