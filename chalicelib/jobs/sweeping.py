"""What a sweep does about places that it cannot look after: it goes on, and fails at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from aws_lambda_powertools.logging import Logger

from chalicelib.errors import HeadraceError, Throttled, Transient

_PASSING = (Throttled, Transient)


@dataclass(frozen=True, slots=True)
class Missed:
    """The errors that a sweep met, one a place."""

    log: Logger
    errors: list[HeadraceError] = field(default_factory=list)

    def add(self, error: HeadraceError, execution_arn: str) -> None:
        """Log why the place of an execution was missed: what passes as a warning, all else as an
        error with its trace, since the next sweep will meet it again.
        """
        self.errors.append(error)
        if isinstance(error, _PASSING):
            self.log.warning(error.message, execution=execution_arn)
        else:
            self.log.error(error.message, exc_info=error, execution=execution_arn)

    def tell(self, what: str) -> None:
        """Raise an error of the kind that was met where anything was missed, `what` in words.

        A kind that does not pass goes before one that does.
        """
        if not self.errors:
            return
        lasting = (error for error in self.errors if not isinstance(error, _PASSING))
        worst = next(lasting, self.errors[0])
        raise type(worst)(f"{len(self.errors)} {what} could not be looked after.") from worst
