"""The settings of the distillation."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.networks.settings import DenoiserSettings


class Parameters(DenoiserSettings):
    """Settings of the denoiser, equal to its teacher's, and of the halving of steps."""

    drop_caption: Annotated[float, Field(ge=0, lt=1)]
    """The share of pictures whose caption is left out."""
    teacher_steps: Annotated[int, Field(ge=2, le=1024)]
    """Steps of the teacher to begin with. Each stage halves them, down to `sampling_steps`."""
    teacher_guidance: Annotated[float, Field(ge=0, le=20)]
    """The teacher's guidance, which the student learns, and draws by a guidance of 1."""

    @property
    def stages(self) -> int:
        """Return the number of times that steps are halved."""
        return (self.teacher_steps // self.sampling_steps).bit_length() - 1

    @model_validator(mode="after")
    def _halves_evenly(self) -> Self:
        if self.stages < 1 or self.sampling_steps << self.stages != self.teacher_steps:
            raise ValueError("teacher_steps has to be sampling_steps times 2, 4, 8…")
        if self.steps % self.stages:
            raise ValueError(f"steps has to be a multiple of the {self.stages} stages")
        if self.teacher_steps > self.noise_steps:
            raise ValueError("teacher_steps may be noise_steps at most")
        return self
