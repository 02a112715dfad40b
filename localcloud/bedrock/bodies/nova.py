"""Amazon Nova, schema messages-v1: Converse in all but name.

https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.bedrock.answering import Event
from localcloud.bedrock.bodies.family import Body, Family, given, malformed, only, required


def _asked(body: Body) -> Body:
    only(body, "schemaVersion", "system", "messages", "inferenceConfig", "toolConfig")
    if body.get("schemaVersion", "messages-v1") != "messages-v1":
        raise malformed("schemaVersion must be messages-v1.")
    config = body.get("inferenceConfig", {})
    if not isinstance(config, dict):
        raise malformed("inferenceConfig must be an object.")
    names = ("maxTokens", "max_new_tokens", "temperature", "topP", "top_p", "topK", "top_k")
    only(config, *names, "stopSequences")
    top_k = config.get("topK", config.get("top_k"))
    inference = given(
        maxTokens=config.get("maxTokens", config.get("max_new_tokens")),
        temperature=config.get("temperature"),
        topP=config.get("topP", config.get("top_p")),
        stopSequences=config.get("stopSequences"),
    )
    return given(
        messages=required(body, "messages"),
        system=body.get("system"),
        toolConfig=body.get("toolConfig"),
        inferenceConfig=inference or None,
        additionalModelRequestFields=None if top_k is None else {"top_k": top_k},
    )


def _whole(answer: Mapping[str, Any], model: str) -> Body:
    return {
        "output": answer["output"],
        "stopReason": answer["stopReason"],
        "usage": _usage(answer["usage"]),
    }


def _usage(usage: Mapping[str, Any]) -> Body:
    return {**usage, "cacheReadInputTokenCount": 0, "cacheWriteInputTokenCount": 0}


def _streamed(events: Iterator[Event], model: str) -> Iterator[Body]:
    for event in events:
        if "messageStop" in event:
            yield {"messageStop": {"stopReason": event["messageStop"]["stopReason"]}}
        elif "metadata" in event:
            usage = _usage(event["metadata"]["usage"])
            yield {"metadata": {"usage": usage, "metrics": {}, "trace": {}}}
        else:
            yield dict(event)


NOVA = Family(_asked, _whole, _streamed)
