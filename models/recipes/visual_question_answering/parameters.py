"""The settings of the recipe `visual_question_answering`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.vision_language_settings import VisionLanguageSettings


class Parameters(VisionLanguageSettings):
    """Settings of the way of tuning, and of how many held-out rows judge it."""

    judged_rows: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Held-out rows that are answered, at most."""
