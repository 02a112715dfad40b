"""The body format of Amazon Nova, schema messages-v1, which is nearly that of Converse.

https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.bedrock.answer_events import Event
from localcloud.bedrock.bodies.body_format import (
    Body,
    BodyFormat,
    check_keys,
    malformed_request,
    required_key,
    without_none,
)


def _parse_request(body: Body) -> Body:
    check_keys(body, "schemaVersion", "system", "messages", "inferenceConfig", "toolConfig")
    if body.get("schemaVersion", "messages-v1") != "messages-v1":
        raise malformed_request("schemaVersion must be messages-v1.")
    config = body.get("inferenceConfig", {})
    if not isinstance(config, dict):
        raise malformed_request("inferenceConfig must be an object.")
    names = ("maxTokens", "max_new_tokens", "temperature", "topP", "top_p", "topK", "top_k")
    check_keys(config, *names, "stopSequences")
    top_k = config.get("topK", config.get("top_k"))
    inference = without_none(
        maxTokens=config.get("maxTokens", config.get("max_new_tokens")),
        temperature=config.get("temperature"),
        topP=config.get("topP", config.get("top_p")),
        stopSequences=config.get("stopSequences"),
    )
    return without_none(
        messages=required_key(body, "messages"),
        system=body.get("system"),
        toolConfig=body.get("toolConfig"),
        inferenceConfig=inference or None,
        additionalModelRequestFields=None if top_k is None else {"top_k": top_k},
    )


def _render_response(answer: Mapping[str, Any], model: str) -> Body:
    return {
        "output": answer["output"],
        "stopReason": answer["stopReason"],
        "usage": _usage(answer["usage"]),
    }


def _usage(usage: Mapping[str, Any]) -> Body:
    return {**usage, "cacheReadInputTokenCount": 0, "cacheWriteInputTokenCount": 0}


def _render_stream(events: Iterator[Event], model: str) -> Iterator[Body]:
    for event in events:
        if "messageStop" in event:
            yield {"messageStop": {"stopReason": event["messageStop"]["stopReason"]}}
        elif "metadata" in event:
            usage = _usage(event["metadata"]["usage"])
            yield {"metadata": {"usage": usage, "metrics": {}, "trace": {}}}
        else:
            yield dict(event)


NOVA = BodyFormat(_parse_request, _render_response, _render_stream)
