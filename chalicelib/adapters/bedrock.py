"""Amazon Bedrock's chat models, by Converse.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import translate, translated
from chalicelib.errors import HeadraceError, ModelFailure, Throttled, Transient
from chalicelib.query_ports import ChatReply

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

_PASSING = {
    "ModelNotReadyException": Transient,
    "ModelTimeoutException": Transient,
    "ServiceUnavailableException": Transient,
    "InternalServerException": Transient,
    "ServiceQuotaExceededException": Throttled,
}


_FINISHED = frozenset({"end_turn", "stop_sequence"})
"""Why a model stops that said all it had to; after `max_tokens` it had not."""


class BedrockChat:
    """One chat model. The `model` of a reply names the model that answered, which is another
    one where the local cloud stands in for Bedrock and says so.
    """

    def __init__(self, client: BedrockRuntimeClient, model_id: str) -> None:
        self._client = client
        self._model_id = model_id

    @property
    def model_id(self) -> str:
        """Return the id that the model is asked by."""
        return self._model_id

    def reply(self, system: str, user: str, max_tokens: int) -> ChatReply:
        """Return the reply to one turn, greedily decoded."""
        began = time.monotonic()
        with translated("asking the language model"):
            try:
                answer: Any = self._client.converse(
                    modelId=self._model_id,
                    system=[{"text": system}],
                    messages=[{"role": "user", "content": [{"text": user}]}],
                    inferenceConfig={"maxTokens": max_tokens, "temperature": 0.0},
                )
            except ClientError as error:
                raise _failure(error) from error
        content = answer["output"]["message"]["content"]
        stand_in = (answer.get("additionalModelResponseFields") or {}).get("localModel") or {}
        return ChatReply(
            text="".join(block["text"] for block in content if "text" in block),
            model=str(stand_in.get("name", self._model_id)),
            tokens_in=int(answer["usage"]["inputTokens"]),
            tokens_out=int(answer["usage"]["outputTokens"]),
            seconds=round(time.monotonic() - began, 6),
            whole=answer["stopReason"] in _FINISHED,
        )


def _failure(error: ClientError) -> HeadraceError:
    details: Any = error.response
    code = str(details.get("Error", {}).get("Code", ""))
    if code in _PASSING:
        return _PASSING[code](f"asking the language model: {error}")
    known = translate(error, "asking the language model")
    return known if isinstance(known, Throttled | Transient) else ModelFailure(known.message)
