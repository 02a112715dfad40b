"""The Lambda function `render_page`."""

from __future__ import annotations

import functools
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.functions.render_page import RenderPageRequest
from chalicelib.observability import observed
from functions.render_page import core
from functions.render_page.rendering import BoundedRenderer


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    objects = StreamedObjects(aws.s3())
    return core.Deps(objects, BoundedRenderer(objects))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Render the page that `event` names."""
    request = RenderPageRequest.model_validate(event)
    with observed("render_page", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
