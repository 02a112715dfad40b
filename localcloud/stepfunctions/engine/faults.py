"""Errors whose cause is already worded."""

from __future__ import annotations

from localcloud.stepfunctions.language.errors import StatesError


class Stated(StatesError):  # noqa: N818 - what it is: an error that says its cause
    """An error that a definition, a task or a limit states itself: its cause stays as it is.

    `also` is another name that Retry and Catch may know it by; `by_task` says that the task
    reported it, and not the state.
    """

    def __init__(
        self, name: str, cause: str = "", *, also: str | None = None, by_task: bool = False
    ) -> None:
        super().__init__(name, cause)
        self.also = also
        self.by_task = by_task
