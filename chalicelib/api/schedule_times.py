"""`/v1/schedule-times`: when a schedule would run, before there is one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import json_response, parse_body, serve_operation, utcnow
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.schedules import SHOWN_TIMES, PreviewTimesRequest, ScheduleTimes
from chalicelib.schedules.times import check_comes, parse_timing

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts

Clock = Callable[[], datetime]


def build_services(_: ApiParts) -> Clock:
    """Return the clock from which times are counted."""
    return utcnow


def routes(services: Callable[[], Clock], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the view; it calls `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/schedule-times", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("schedules", {200: ScheduleTimes}, body=PreviewTimesRequest)
    )
    def preview_schedule_times() -> Response:
        """Show the next times of a schedule that is not made yet; nothing is stored."""
        body, now = parse_body(blueprint.current_request, PreviewTimesRequest), services()()
        timing = parse_timing(body.expression, body.time_zone, body.start, body.end, now)
        check_comes(timing, now)
        return json_response(ScheduleTimes(next=timing.first(now, SHOWN_TIMES)))

    return blueprint
