"""Transcriptions.

https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

from typing import Annotated

from pydantic import WithJsonSchema

from chalicelib.contracts.openai.base import OpenAIInput


class TranscriptionForm(OpenAIInput):
    """`POST /v1/audio/transcriptions`, a form: the recording, and the model that is to hear it."""

    file: Annotated[bytes, WithJsonSchema({"type": "string", "contentMediaType": "audio/*"})]
    model: str
