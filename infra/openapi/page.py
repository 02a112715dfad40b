"""The document as one self-contained HTML page: no script, no font, no network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from infra.openapi.schema_text import kind_of, name_of, rows_of

Json = Any

_STYLE = Path(__file__).with_name("page.css")
_CODE = re.compile(r"`([^`]+)`")
_ERRORS = 400


def page(document: Mapping[str, Json]) -> str:
    """Return the page that shows an OpenAPI document."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Json]) -> Iterator[str]:
    info = document["info"]
    title = f"{info['title']} API"
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield '<head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style></head>"
    yield '<body><a class="skip" href="#main">Skip to the operations</a>'
    yield f"<header><h1>{escape(title)} {escape(info['version'])}</h1>"
    yield f"<p>{_prose(info['description'])}</p>"
    yield '<p>For programs: <a href="openapi.json">the OpenAPI 3.1 document</a>.</p></header>'
    yield '<div class="page">'
    yield from _navigation(document)
    yield '<main id="main" tabindex="-1">'
    for tag in document["tags"]:
        yield f'<section aria-labelledby="{_tag_id(tag)}">'
        yield f'<h2 id="{_tag_id(tag)}">{escape(tag["name"].capitalize())}</h2>'
        yield f"<p>{_prose(tag['description'])}</p>"
        for path, method, operation in _operations(document, tag["name"]):
            yield from _operation(document, path, method, operation)
        yield "</section>"
    yield from _errors(document)
    yield from _schemas(document)
    yield "</main></div></body></html>"


def _tag_id(tag: Mapping[str, Json]) -> str:
    return f"tag-{tag['name']}"


def _operations(document: Mapping[str, Json], tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield path, method.upper(), operation


def _navigation(document: Mapping[str, Json]) -> Iterator[str]:
    yield '<nav aria-label="Operations and schemas">'
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><ul>"
        for path, method, operation in _operations(document, tag["name"]):
            named = f"{method} {escape(path)}"
            yield f'<li><a href="#{operation["operationId"]}">{named}</a></li>'
        yield "</ul>"
    yield '<h2>Reference</h2><ul><li><a href="#errors">Errors</a></li>'
    yield '<li><a href="#schemas">Schemas</a></li></ul></nav>'


def _operation(
    document: Mapping[str, Json], path: str, method: str, operation: Mapping[str, Json]
) -> Iterator[str]:
    name = operation["operationId"]
    yield f'<article id="{name}" aria-labelledby="{name}-title">'
    yield f'<h3 id="{name}-title"><span class="method">{method}</span>'
    yield f"<code>{escape(path)}</code></h3>"
    yield f"<p>{_prose(operation['description'])}</p>"
    if operation.get("security") == []:
        yield '<p class="need">Needs no key.</p>'
    parameters = [_resolved(document, each) for each in operation.get("parameters", ())]
    if parameters:
        rows = [
            (each["name"], f"{each['in']}, {kind_of(each['schema'])}", each["required"], each)
            for each in parameters
        ]
        yield from _table("Parameters", rows)
    yield from _body(document, operation)
    yield from _answers(document, operation)
    yield "</article>"


def _resolved(document: Mapping[str, Json], node: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the target of a reference, or the node itself."""
    if "$ref" not in node:
        return node
    target: Json = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return dict(target)


def _table(caption: str, rows: list[tuple[str, str, bool, Mapping[str, Json]]]) -> Iterator[str]:
    yield f'<h4>{caption}</h4><div class="wide" tabindex="0" role="region" aria-label="{caption}">'
    yield '<table><thead><tr><th scope="col">name</th><th scope="col">type</th>'
    yield '<th scope="col">what it is</th></tr></thead><tbody>'
    for name, kind, required, said in rows:
        need = ' <span class="need">required</span>' if required else ""
        text = _prose(str(said.get("description", "")))
        yield f'<tr><th scope="row"><code>{escape(name)}</code>{need}</th>'
        yield f"<td>{kind}</td><td>{text}</td></tr>"
    yield "</tbody></table></div>"


def _body(document: Mapping[str, Json], operation: Mapping[str, Json]) -> Iterator[str]:
    body = operation.get("requestBody")
    if body is None:
        return
    ((media_type, content),) = body["content"].items()
    kind = "Body" if media_type == "application/json" else f"Body, {media_type}"
    schema = _resolved(document, content["schema"])
    left_out = "" if body["required"] else " (may be left out)"
    rows = list(rows_of(schema))
    if rows:
        yield from _table(f"{kind}: {name_of(content['schema'])}{left_out}", rows)
    else:
        yield "<p>The body may be left out; it says nothing.</p>"
    if "example" in content:
        yield from _example("Example of a request", content["example"])


def _answers(document: Mapping[str, Json], operation: Mapping[str, Json]) -> Iterator[str]:
    errors = []
    yield "<h4>Answers</h4>"
    for status, given in operation["responses"].items():
        answer = _resolved(document, given)
        if int(status) >= _ERRORS:
            errors.append(status)
            continue
        yield f"<p><code>{status}</code> {_prose(answer['description'])} {_schema_of(answer)}</p>"
        for content in answer.get("content", {}).values():
            if "example" in content:
                yield from _example(f"Example of {status}", content["example"])
    listed = ", ".join(f"<code>{status}</code>" for status in errors)
    yield f'<p>Errors: {listed}; <a href="#errors">what they mean</a>.</p>'


def _schema_of(answer: Mapping[str, Json]) -> str:
    parts = []
    for media_type, content in answer.get("content", {}).items():
        events = [each["properties"] for each in content["schema"].get("oneOf", ())]
        for each in events:
            name = each["event"]["const"] if "event" in each else "data"
            parts.append(f"<code>{escape(name)}</code>: {kind_of(each['data']['contentSchema'])}")
        if not events:
            parts.append(f"{escape(media_type)}: {kind_of(content['schema'])}")
    return f"({'; '.join(parts)})" if parts else ""


def _example(title: str, example: Json) -> Iterator[str]:
    shown = (
        example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
    )
    yield f"<details><summary>{title}</summary>"
    yield f'<pre tabindex="0"><code>{escape(shown)}</code></pre></details>'


def _errors(document: Mapping[str, Json]) -> Iterator[str]:
    yield '<section aria-labelledby="errors"><h2 id="errors">Errors</h2>'
    yield f"<p>Each has the body {kind_of({'$ref': '#/components/schemas/ErrorBody'})}.</p>"
    for name, answer in document["components"]["responses"].items():
        yield f"<article><h3>{escape(name)}</h3><p>{_prose(answer['description'])}</p>"
        yield from _example("Example", answer["content"]["application/json"]["example"])
        yield "</article>"
    yield "</section>"


def _schemas(document: Mapping[str, Json]) -> Iterator[str]:
    yield '<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>'
    for name, schema in document["components"]["schemas"].items():
        yield f'<article id="schema-{name}"><h3>{escape(name)}</h3>'
        yield f"<p>{_prose(schema.get('description', ''))}</p>"
        rows = list(rows_of(schema))
        if rows:
            yield from _table(f"Fields of {name}", rows)
        yield "</article>"
    yield "</section>"


def _prose(text: str) -> str:
    """Return plain text with `code` in it as HTML, with its paragraphs."""
    marked = _CODE.sub(r"<code>\1</code>", escape(text.strip()))
    return re.sub(r"\n\s*\n", "<br><br>", marked)
