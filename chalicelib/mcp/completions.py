"""Completions: values for arguments of prompts and for variables of resource templates. Pure.

They are the tenant's own, as its lists show them: at most `MAX_VALUES`, of a bounded number that is
looked at. What the tenant lacks completes to nothing, so that nobody is told that it is there.

https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from pydantic import JsonValue

from chalicelib.mcp import prompts, resources
from chalicelib.mcp.api_calls import ApiCall, ApiCaller, ApiRefusalError
from chalicelib.mcp.jsonrpc import INVALID_PARAMS, Json, RpcError, object_of, objects_of

MAX_VALUES = 100
"""Values of a completion, by the specification."""
MAX_LOOKED_AT = 500
"""Things of a list that are compared with what was typed; a page has up to 100 of them."""
MAX_TYPED_CHARACTERS = 256
_BOOLEANS = ("true", "false")


@dataclass(frozen=True, slots=True)
class CompletionValue:
    """A value, and the words by which people know it, such as a document's path."""

    value: str
    words: str = ""

    def rank(self, typed: str) -> int | None:
        """Return how well it fits what was typed, 0 best, None for not at all."""
        value, words = self.value.lower(), self.words.lower()
        for rank, fits in enumerate(
            (value.startswith(typed), words.startswith(typed), typed in value, typed in words)
        ):
            if fits:
                return rank
        return None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """An argument to complete: its name, its first characters, and the arguments before it."""

    name: str
    typed: str
    given: Mapping[str, str] = field(default_factory=dict)


def complete(api: ApiCaller, params: Mapping[str, JsonValue]) -> Json:
    """Return the `completion` for the parameters of `completion/complete`.

    Raises:
        RpcError: A parameter is missing or wrong, or there is no such prompt or template.
        ApiRefusalError: The API refuses for another reason than that something is missing.
    """
    request = _request(params)
    ref = object_of(params.get("ref"))
    match ref.get("type"):
        case "ref/prompt":
            found = _of_prompt(api, _text(ref, "name", "ref.name"), request.name)
        case "ref/resource":
            found = _of_template(api, _text(ref, "uri", "ref.uri"), request)
        case _:
            raise _invalid("ref.type is ref/prompt or ref/resource.", "ref.type")
    looked_at = [*islice(found, MAX_LOOKED_AT + 1)]
    typed = request.typed.lower()
    ranked = sorted(
        (rank, n)
        for n, each in enumerate(looked_at[:MAX_LOOKED_AT])
        if (rank := each.rank(typed)) is not None
    )
    values: list[JsonValue] = [looked_at[n].value for _, n in ranked[:MAX_VALUES]]
    if len(looked_at) > MAX_LOOKED_AT:
        return {"values": values, "hasMore": True}
    return {"values": values, "total": len(ranked), "hasMore": len(ranked) > MAX_VALUES}


def _request(params: Mapping[str, JsonValue]) -> CompletionRequest:
    argument, context = object_of(params.get("argument")), object_of(params.get("context"))
    typed = argument.get("value")
    if not isinstance(typed, str) or len(typed) > MAX_TYPED_CHARACTERS:
        raise _invalid(
            f"params.argument.value is a text of at most {MAX_TYPED_CHARACTERS} characters.",
            "argument.value",
        )
    given = object_of(context.get("arguments"))
    return CompletionRequest(
        _text(argument, "name", "argument.name"),
        typed,
        {name: text for name, text in given.items() if isinstance(text, str) and text},
    )


def _text(holder: Json, name: str, field: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TYPED_CHARACTERS:
        raise _invalid(
            f"params.{field} is a text of 1 to {MAX_TYPED_CHARACTERS} characters.", field
        )
    return value


def _invalid(message: str, field: str) -> RpcError:
    return RpcError(INVALID_PARAMS, message, {"field": field})


def _of_prompt(api: ApiCaller, prompt: str, argument: str) -> Iterator[CompletionValue]:
    """Yield the values that an argument of a prompt may have, where they are few."""
    try:
        variables = prompts.prompt_variables(api, prompt)
    except ApiRefusalError as refusal:
        if refusal.is_missing:
            raise _invalid("There is no such prompt; prompts/list has them.", "ref.name") from None
        raise
    if argument not in variables:
        raise _invalid(f"The prompt has no argument {argument[:100]!r}.", "argument.name")
    terms = variables[argument]
    values = _BOOLEANS if terms.get("type") == "boolean" else terms.get("values")
    return (
        (CompletionValue(str(each)) for each in values)
        if isinstance(values, list | tuple)
        else iter(())
    )


def _of_template(api: ApiCaller, uri: str, request: CompletionRequest) -> Iterator[CompletionValue]:
    """Yield the values of a variable of a resource template."""
    if uri not in resources.VARIABLES:
        raise _invalid(
            "There is no such resource template; resources/templates/list has them.", "ref.uri"
        )
    if request.name not in resources.VARIABLES[uri]:
        known = ", ".join(resources.VARIABLES[uri])
        raise _invalid(
            f"{request.name[:100]!r} is no variable of it; {known} are.", "argument.name"
        )
    complete_variable = _VARIABLES.get((uri, request.name)) or _VARIABLES.get(("", request.name))
    return complete_variable(api, request.given) if complete_variable else iter(())


Given = Mapping[str, str]


def _listed(api: ApiCaller, route: str, path: Given | None = None, **query: str) -> Iterator[Json]:
    """Yield the items of a list of the API, page after page, of nothing that is missing."""
    cursor = ""
    while True:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        try:
            body = api.call(ApiCall("GET", route, path or {}, asked)).body
        except ApiRefusalError as refusal:
            if refusal.is_missing:
                return
            raise
        yield from objects_of(body.get("items"))
        cursor = str(body.get("next_cursor") or "")
        if not cursor:
            return


def _documents(api: ApiCaller, given: Given) -> Iterator[CompletionValue]:
    for each in _listed(api, "/v1/documents", status="ready"):
        yield CompletionValue(str(each.get("document_id")), str(each.get("path")))


def _document_versions(api: ApiCaller, given: Given) -> Iterator[CompletionValue]:
    document = given.get("document_id")
    if document is None:
        return
    route = "/v1/documents/{document_id}/versions"
    body = _shown(api, route, {"document_id": document})
    for each in objects_of(body.get("items")):
        yield CompletionValue(str(each.get("version")))


def _pages(api: ApiCaller, given: Given) -> Iterator[CompletionValue]:
    document = given.get("document_id")
    if document is None:
        return
    pages = _shown(api, "/v1/documents/{document_id}", {"document_id": document}).get("pages")
    for number in range(1, (pages if isinstance(pages, int) else 0) + 1):
        yield CompletionValue(str(number))


def _shown(api: ApiCaller, route: str, path: Given) -> Json:
    """Return the body of a route that shows one thing, {} if there is none."""
    try:
        return api.call(ApiCall("GET", route, path)).body
    except ApiRefusalError as refusal:
        if refusal.is_missing:
            return {}
        raise


def _extractions(api: ApiCaller, given: Given) -> Iterator[CompletionValue]:
    for each in _listed(api, "/v1/extractions"):
        yield CompletionValue(str(each.get("extraction_id")), str(each.get("path")))


def _collections(api: ApiCaller, given: Given) -> Iterator[CompletionValue]:
    body = _shown(api, "/v1/collections", {})
    for each in objects_of(body.get("items")):
        yield CompletionValue(str(each.get("name")))


def _prompts(api: ApiCaller, given: Given) -> Iterator[CompletionValue]:
    for each in _listed(api, "/v1/prompts"):
        yield CompletionValue(str(each.get("name")))


def _prompt_versions(api: ApiCaller, given: Given) -> Iterator[CompletionValue]:
    prompt = given.get("prompt")
    if prompt is None:
        return
    labels = object_of(_shown(api, "/v1/prompts/{prompt}", {"prompt": prompt}).get("labels"))
    yield from map(CompletionValue, labels)
    for each in _listed(api, "/v1/prompts/{prompt}/versions", {"prompt": prompt}):
        yield CompletionValue(str(each.get("version")))


_VARIABLES: Mapping[tuple[str, str], Callable[[ApiCaller, Given], Iterator[CompletionValue]]] = {
    ("", "document_id"): _documents,
    ("", "version"): _document_versions,
    ("", "page"): _pages,
    ("", "extraction_id"): _extractions,
    ("", "collection"): _collections,
    ("", "prompt"): _prompts,
    (resources.PROMPT, "version"): _prompt_versions,
}
"""The function that completes a variable, by the template that has it, "" for any, and its name."""
