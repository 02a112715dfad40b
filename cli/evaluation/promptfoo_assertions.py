"""promptfoo's assertions as graders.

https://www.promptfoo.dev/docs/configuration/expected-outputs/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cli.failures import UsageError
from cli.output import Json

_KEYS = frozenset(("type", "value", "threshold", "weight", "metric", "provider"))
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_CODE = frozenset(("javascript", "python", "ruby", "webhook"))
_SIMILAR, _ROUGE, _BLEU = 0.75, 0.75, 0.5
"""promptfoo's own thresholds where none is given."""


def convert_assertion(
    assertion: Json,
    values: Mapping[str, str],
    judge: str | None,
    place: str,
    read: Callable[[str], str],
) -> Json:
    """Return the grader of an assertion, with `values` in place of `{{ names }}`.

    Raises:
        UsageError: it has no meaning here; the message names it.
    """
    kind = str(assertion.get("type", ""))
    strange = sorted(assertion.keys() - _KEYS)
    if strange:
        raise UsageError(f"{place}, assert {kind}: {strange[0]} is not honoured here.")
    base = kind.removeprefix("not-")
    if base in _CODE:
        raise UsageError(
            f"{place}: assert {kind} is code, which is not run here. Say it by contains, regex, "
            "is-json or llm-rubric."
        )
    if base not in _CONVERSIONS:
        raise UsageError(
            f"{place}: assert {kind!r} is not known here; what is: {', '.join(_CONVERSIONS)}, and "
            "not- before each."
        )
    value = _filled(assertion.get("value"), values, read)
    try:
        grader = _CONVERSIONS[base](value, assertion)
    except KeyError as missing:
        raise UsageError(f"{place}, assert {kind}: {missing.args[0]} is missing.") from missing
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{place}, assert {kind}: the value {value!r} cannot be used: {error}."
        ) from error
    if kind != base:
        grader["negate"] = True
    if "weight" in assertion:
        grader["weight"] = assertion["weight"]
    if "metric" in assertion:
        grader["name"] = re.sub(r"[^A-Za-z0-9 _.:-]", "-", str(assertion["metric"]))[:60]
    provider = assertion.get("provider") or judge
    if grader["type"] == "rubric" and provider:
        grader["model"] = str(provider).rsplit(":", 1)[-1]
    return grader


def _equals(value: Any, _: Json) -> Json:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {"type": "exact", "expected": text}


def _contains(field: str, *, ignore_case: bool) -> Callable[[Any, Json], Json]:
    def convert(value: Any, _: Json) -> Json:
        listed = value if isinstance(value, list) else [value]
        if field != "all" or isinstance(value, str):
            listed = _split(value) if field in ("any", "each") else listed
        texts = [str(each) for each in listed]
        if not all(texts):
            raise ValueError("an empty text is in every answer")
        name = "all" if field == "each" else field
        return {"type": "contains", name: texts, "ignore_case": ignore_case}

    return convert


def _split(value: Any) -> list[str]:
    """Return a list as it is, and a text cut at its commas."""
    if isinstance(value, list):
        return [str(each) for each in value]
    return [part.strip() for part in str(value).split(",")]


def _starts_with(value: Any, _: Json) -> Json:
    return {"type": "regex", "pattern": f"^{re.escape(str(value))}"}


def _regex(value: Any, _: Json) -> Json:
    return {"type": "regex", "pattern": str(value)}


def _json(*, anywhere: bool) -> Callable[[Any, Json], Json]:
    def convert(value: Any, _: Json) -> Json:
        schema = json.loads(value) if isinstance(value, str) else value
        grader: Json = {"type": "json_schema", "anywhere": anywhere}
        return grader | ({"json_schema": schema} if schema is not None else {})

    return convert


def _similar(value: Any, assertion: Json) -> Json:
    threshold = assertion.get("threshold", _SIMILAR)
    return {"type": "similarity", "expected": _text(value), "threshold": threshold}


def _rubric(value: Any, assertion: Json) -> Json:
    return {
        "type": "rubric",
        "criteria": _text(value),
        **({"threshold": assertion["threshold"]} if "threshold" in assertion else {}),
    }


def _cost(_: Any, assertion: Json) -> Json:
    return {"type": "cost", "max_dollars": f"{Decimal(str(float(assertion['threshold']))):f}"}


def _latency(_: Any, assertion: Json) -> Json:
    return {"type": "latency", "max_seconds": float(assertion["threshold"]) / 1000}


def _rouge(value: Any, assertion: Json) -> Json:
    threshold = assertion.get("threshold", _ROUGE)
    expected = _text(value)
    return {"type": "rouge", "variant": "rouge1", "expected": expected, "threshold": threshold}


def _bleu(value: Any, assertion: Json) -> Json:
    threshold = assertion.get("threshold", _BLEU)
    return {"type": "bleu", "expected": _text(value), "threshold": threshold}


_CONVERSIONS: Mapping[str, Callable[[Any, Json], Json]] = {
    "equals": _equals,
    "contains": _contains("all", ignore_case=False),
    "icontains": _contains("all", ignore_case=True),
    "contains-all": _contains("each", ignore_case=False),
    "icontains-all": _contains("each", ignore_case=True),
    "contains-any": _contains("any", ignore_case=False),
    "icontains-any": _contains("any", ignore_case=True),
    "starts-with": _starts_with,
    "regex": _regex,
    "is-json": _json(anywhere=False),
    "contains-json": _json(anywhere=True),
    "similar": _similar,
    "llm-rubric": _rubric,
    "cost": _cost,
    "latency": _latency,
    "rouge-n": _rouge,
    "bleu": _bleu,
}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text is expected")
    return value


def _filled(value: Any, values: Mapping[str, str], read: Callable[[str], str]) -> Any:
    """Return a value with variables in it; a file's text for a file."""
    if isinstance(value, str):
        if value.startswith("file://"):
            path = value.removeprefix("file://")
            if path.endswith((".js", ".py", ".ts", ".mjs")):
                raise UsageError(f"{value} is code, which is not run here.")
            value = read(path)
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, list):
        return [_filled(each, values, read) for each in value]
    return value
