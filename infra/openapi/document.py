"""The OpenAPI 3.1 document, made from routes and contracts.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chalicelib.contracts.http import ErrorBody
from chalicelib.contracts.names import COLLECTION_PATTERN
from chalicelib.contracts.operations import Media, Operation
from infra.openapi import errors
from infra.openapi.routes import ApiRoute, UndeclaredRouteError
from infra.openapi.schemas import REFERENCE, schemas


@dataclass(frozen=True, slots=True)
class Example:
    """A request body, and example answers by status."""

    request: Any = None
    answers: Mapping[str, Any] = field(default_factory=dict)


Json = Any

_TAGS = {
    "documents": "Files go in, and are read, cut and embedded.",
    "answers": "Passages, answers with citations, and what people thought of them.",
    "collections": "What documents belong together, and what may be told of them.",
    "generations": "What models write, draw and embed, the cheapest first that suffices.",
    "evaluations": "Suites of cases, run against prompts, models and asks, and graded.",
    "extractions": "Values read from documents by a JSON Schema, each with its evidence.",
    "monitors": "Which calls are captured, and the captured calls.",
    "labelling": "Queues of items that people label, their agreement, and rows to train on.",
    "jobs": "Work that outlasts a request: exports, removals and pictures embedded again.",
    "prompts": "Prompts in versions, and what they would send to models.",
    "mcp": "What agents call by the Model Context Protocol, in JSON-RPC.",
    "openai": "What OpenAI's clients ask, as they ask it; errors also have `param` and `code`.",
    "schedules": "What runs by the clock, and the history of its runs.",
    "registry": "Trainings and versions of trained models, which operators watch and approve.",
    "rollouts": "Versions that take over from live ones in stages, while guards look on.",
    "screenings": "What should go into no model, or come out of none.",
    "usage": "What models cost, and what of it is limited.",
    "webhooks": "Addresses that hear of events.",
    "service": "The service itself; needs no key.",
}
_IDS = {
    "document_id": "The document's id, as it was given when the file was announced.",
    "page": "The page's number, from 1.",
    "answer_id": "The answer's id, as it was given with the answer.",
    "job_id": "The job's id.",
    "prompt": "The prompt's name.",
    "model": "The model's name.",
    "file_id": "The file's id.",
    "batch_id": "The batch's id.",
    "version": "The version's number; where it is only shown, also a label or `latest`.",
    "label": "The label's name.",
    "group": "The group of versions, `headrace-STAGE-RECIPE`.",
    "number": "The version's number in its group, from 1.",
    "training": "The training job's name, `headrace-STAGE-RECIPE-TIME`.",
    "rollout_id": "The rollout's id.",
    "webhook_id": "The webhook's id.",
    "schedule": "The schedule's name.",
    "monitor": "The monitor's name.",
    "evaluation_id": "The evaluation's id, which is that of its job.",
    "extraction_id": "The extraction's id, which names its document.",
    "extractor": "The saved extractor's name.",
    "claim_id": "The claim's id.",
    "task_id": "The labelling task's id.",
    "item_id": "The item's id, as its claim has it.",
    "run_id": "The run's id, which is that of its job.",
    "console_version": "The version of the console's files, as its page has it.",
    "console_file": "The file's name.",
    "delivery_id": "The delivery's id, which its receiver got as `webhook-id`.",
}
_COLLECTION = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The collection's name.",
    "schema": {"type": "string", "pattern": COLLECTION_PATTERN},
    "example": "station",
}
_INTRODUCTION = """Files go in, cited answers come out.

Bodies are JSON in UTF-8; an unknown field or query parameter is refused by name. Times are RFC 3339
in UTC, dollars decimal strings. Every error has the body `ErrorBody`, whoever answers, and its
`request_id` is in the logs. Later releases may add fields to answers and events to streams; a
client ignores those that it does not know.
"""
_NOT_MODIFIED = 304
_FOUND = re.compile(r"\{(\w+)\}")


def document(
    routes: Sequence[ApiRoute], version: str, examples: Mapping[str, Example]
) -> dict[str, Json]:
    """Return the document of `routes`; `examples` are by operation id.

    Raises:
        UndeclaredRouteError: a name is used twice, or an operation lacks a part.
    """
    _check(routes)
    paths: dict[str, dict[str, Json]] = {}
    for route in sorted(routes, key=lambda each: (each.path, each.method)):
        operation = _operation(route, routes, examples.get(route.operation_id, Example()))
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headrace",
            "version": version,
            "summary": "Files go in, cited answers come out.",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Relative to where the document lies, which on AWS is behind the name of a stage.
        "servers": [{"url": "..", "description": "Where this document was had from."}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "responses": errors.responses(),
            "headers": {**errors.headers(), **_KEPT},
            "parameters": {"IdempotencyKey": _ONCE},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, which begins with `hr_`; it decides the tenant.",
                }
            },
        },
    }


_ONCE: Mapping[str, Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body gets the same answer for 24 hours; with "
    "another body or path it is a conflict.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_KEPT: Mapping[str, Json] = {
    "ETag": {
        "description": "Changes when the content does.",
        "schema": {"type": "string"},
        "example": '"5f2c…"',
    },
    "CacheControl": {
        "description": "How long the answer may be kept.",
        "schema": {"type": "string"},
        "example": "public, max-age=300",
    },
}
_IF_NONE_MATCH: Mapping[str, Json] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what the caller has; while it is the same, the answer is 304.",
    "schema": {"type": "string"},
}


def _check(routes: Sequence[ApiRoute]) -> None:
    seen: set[str] = set()
    for route in routes:
        if route.operation_id in seen:
            raise UndeclaredRouteError(
                f"Two views are called {route.operation_id}; names are unique."
            )
        seen.add(route.operation_id)
        if route.operation.tag not in _TAGS:
            raise UndeclaredRouteError(
                f"{route.operation_id}: the tag {route.operation.tag} is not described."
            )


def _schemas(routes: Iterable[ApiRoute]) -> Mapping[str, Json]:
    operations = [route.operation for route in routes]
    taken = {body for each in operations for body in (each.body, each.form) if body is not None}
    given: set[type[BaseModel]] = {ErrorBody}
    for route in routes:
        for answer in route.operation.answers.values():
            if isinstance(answer, Media):
                given |= {*answer.events.values(), *([answer.whole] if answer.whole else ())}
            elif answer is not None:
                given.add(answer)
    return schemas(taken, given)


def _operation(route: ApiRoute, routes: Sequence[ApiRoute], example: Example) -> dict[str, Json]:
    operation = route.operation
    described: dict[str, Json] = {
        "operationId": route.operation_id,
        "tags": [operation.tag],
        "summary": route.summary,
        "description": route.description,
    }
    if not route.keyed:
        described["security"] = []
    parameters = list(_parameters(route))
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content: dict[str, Json] = {"schema": _reference(operation.body)}
        if example.request is not None:
            content["example"] = example.request
        described["requestBody"] = {
            "required": not operation.body_may_be_left_out,
            "content": {"application/json": content},
        }
    if operation.form is not None:
        form = {"schema": _reference(operation.form)}
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": form}}
    described["responses"] = {
        **{
            str(status): _answer(status, operation, routes, example) for status in operation.answers
        },
        **{
            str(status): errors.reference(status)
            for status in errors.statuses(route.keyed, operation)
            if status not in operation.answers
        },
    }
    return described


def _parameters(route: ApiRoute) -> Iterator[Mapping[str, Json]]:
    for name in _FOUND.findall(route.path):
        yield _COLLECTION if name == _COLLECTION["name"] else _id(route, name)
    for query in route.operation.query:
        yield {
            "name": query.name,
            "in": "query",
            "required": False,
            "description": query.description,
            "schema": dict(query.schema),
        }
    if route.operation.once:
        yield {"$ref": "#/components/parameters/IdempotencyKey"}
    if _NOT_MODIFIED in route.operation.answers:
        yield _IF_NONE_MATCH


def _id(route: ApiRoute, name: str) -> Mapping[str, Json]:
    if name not in _IDS:
        raise UndeclaredRouteError(f"{route.path}: the parameter {name} is not described.")
    schema = {"type": "string", "minLength": 1}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": _IDS[name],
        "schema": schema,
    }


def _answer(
    status: int, operation: Operation, routes: Sequence[ApiRoute], example: Example
) -> dict[str, Json]:
    answer = operation.answers[status]
    sent: dict[str, Json] = {"x-amzn-RequestId": errors.REQUEST_ID}
    if status == _NOT_MODIFIED:
        return {"description": "The caller has it.", "headers": {**sent, **_CACHED}}
    if answer is None:
        return {"description": "Done; there is nothing to say.", "headers": sent}
    if isinstance(answer, Media):
        cached = _CACHED if _NOT_MODIFIED in operation.answers else {}
        return _other(answer, {**sent, **cached}, example.answers.get(str(status)))
    content: dict[str, Json] = {"schema": _reference(answer)}
    if str(status) in example.answers:
        content["example"] = example.answers[str(status)]
    text = (answer.__doc__ or "").strip().partition("\n\n")[0]
    response = {
        "description": re.sub(r"\s+", " ", text),
        "headers": sent,
        "content": {"application/json": content},
    }
    links = _links(answer, routes)
    return {**response, "links": links} if links else response


_CACHED: Mapping[str, Json] = {
    "ETag": {"$ref": "#/components/headers/ETag"},
    "Cache-Control": {"$ref": "#/components/headers/CacheControl"},
}


def _other(answer: Media, sent: Mapping[str, Json], example: Json) -> dict[str, Json]:
    if not answer.events:
        schema = (
            {"type": "object"} if answer.media_type == "application/json" else {"type": "string"}
        )
        return {
            "description": answer.description,
            "headers": sent,
            "content": {answer.media_type: {"schema": schema}},
        }
    # Before OpenAPI 3.2, which has `itemSchema` for it, the schema of a stream is one event's.
    events = [_event(name, model) for name, model in answer.events.items()]
    content: dict[str, Json] = {"schema": {"oneOf": events}}
    contents = {answer.media_type: content}
    if answer.whole is not None:
        content = contents["application/json"] = {"schema": _reference(answer.whole)}
    if example is not None:
        content["example"] = example
    return {"description": answer.description, "headers": sent, "content": contents}


def _event(name: str, model: type[BaseModel]) -> dict[str, Json]:
    """Return the schema of a server-sent event, whose data is one line of JSON."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": _reference(model),
    }
    named = {"event": {"const": name}} if name else {}
    return {
        "type": "object",
        "properties": {**named, "data": data},
        "required": [*named, "data"],
    }


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)}


_RATED = ("answer_id", "search_id")


def _links(answer: type[BaseModel], routes: Sequence[ApiRoute]) -> dict[str, Json]:
    """Return links to follow-up operations: routes whose one parameter is in the answer.

    A rating is linked as well.
    """
    held = {name for name, field in answer.model_fields.items() if field.is_required()}
    rated = {name: f"$response.body#/{name}" for name in _RATED if name in answer.model_fields}
    rating = {"operationId": "rate", "requestBody": {**rated, "rating": "up"}}
    return ({"rate": rating} if rated else {}) | {
        route.operation_id: {
            "operationId": route.operation_id,
            "parameters": {name: f"$response.body#/{name}"},
        }
        for route in routes
        for name in _FOUND.findall(route.path)
        if name in _IDS.keys() & held and _FOUND.findall(route.path) == [name]
    }


def required_bodies(operations: Iterable[tuple[str, str, Operation]]) -> Iterator[tuple[str, str]]:
    """Return path and method of each operation that requires a body."""
    for path, method, operation in operations:
        if operation.body is not None and not operation.body_may_be_left_out:
            yield path, method
