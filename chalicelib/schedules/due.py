"""The plan for the times of a schedule that are due: which are run, and which are missed.

A time is late once nothing ran at it for `LATE_AFTER` beyond the schedule's window; before, it runs
as planned. What happens to late times is the schedule's policy of catching up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.contracts.schedule_runs import Trigger
from chalicelib.contracts.schedules import CatchUp, MissedTimes
from chalicelib.schedules.times import TICK, Timing

LATE_AFTER = timedelta(minutes=30)
MAX_CLAIMED = 50
"""At most so many runs in one plan, each of which is a record in the transaction of a claim.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (100)
"""


@dataclass(frozen=True, slots=True)
class DuePlan:
    """The decision about the times of a schedule from the one that is due to `following`.

    Each of these times is in `runs`, or counted in `missed`.

    Attributes:
        runs: Times to run at, in order, with what triggers each: its time, or the catching up.
        missed: Times that are not run, all of them earlier than those that are.
        following: The next time that nothing was decided about, None if there is none. It is due
            itself, and to be planned next, where more was due than one plan takes.
    """

    runs: tuple[tuple[datetime, Trigger], ...]
    missed: MissedTimes | None
    following: datetime | None


def due_plan(
    timing: Timing,
    next_at: datetime,
    now: datetime,
    window: timedelta,
    catch_up: CatchUp,
    max_catch_up: int,
) -> DuePlan:
    """Return what to do about the times from `next_at` to `now`, both included.

    Args:
        timing: The times of the schedule.
        next_at: The first time that nothing was decided about.
        now: The present moment.
        window: The schedule's flexible window.
        catch_up: What happens if times are late: `none` of them run, only the `latest` of all
            that are due, or `all` of them, of which no more than the last `max_catch_up`.
        max_catch_up: The most late times that are made up for at once.
    """
    before, late_until = next_at - TICK, min(now, now - window - LATE_AFTER - TICK)
    late = timing.count(before, late_until)
    timely: tuple[datetime, ...] = ()
    if late and catch_up == "latest":
        made_up = timing.last(before, now, 1)
    else:
        made_up = timing.last(before, late_until, max_catch_up if catch_up == "all" else 0)
        timely = _first_due(timing, max(before, late_until), now)
    times = (*made_up, *timely)[:MAX_CLAIMED]
    decided = now if len(times) < MAX_CLAIMED else times[-1]
    return DuePlan(
        tuple((time, "catch_up" if time <= late_until else "time") for time in times),
        _missed(timing, before, made_up[0] - TICK if made_up else late_until),
        timing.after(max(before, decided)),
    )


def _first_due(timing: Timing, after: datetime, until: datetime) -> tuple[datetime, ...]:
    return tuple(time for time in timing.first(after, MAX_CLAIMED) if time <= until)


def _missed(timing: Timing, after: datetime, until: datetime) -> MissedTimes | None:
    count = timing.count(after, until)
    first = timing.after(after)
    if not count or first is None:
        return None
    return MissedTimes(count=count, first=first, last=timing.last(after, until, 1)[0])
