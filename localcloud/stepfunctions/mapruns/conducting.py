"""One Map Run under way."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator

from localcloud.errors import AwsError
from localcloud.stepfunctions.engine.engine import OnEnd
from localcloud.stepfunctions.engine.errands import Answered, Failed, Signal
from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.engine.model import Ending, Run, Status, machine_at
from localcloud.stepfunctions.engine.schedule import Work
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.integrations.contract import Callings
from localcloud.stepfunctions.language import errors, items
from localcloud.stepfunctions.language.definition import parse
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.states import Machine, Map
from localcloud.stepfunctions.language.values import Json, JsonObject
from localcloud.stepfunctions.mapruns import reading, writing
from localcloud.stepfunctions.operations.parts import Parts
from localcloud.stepfunctions.states import mapitems
from localcloud.stepfunctions.store.maps import Child, MapRun, identity_of

_LOG = logging.getLogger(__name__)
MAX_CONCURRENCY = 100
"""How many children run at once on one laptop, whatever the state machine allows."""

EXPRESS_SECONDS = 300.0
STANDARD_SECONDS = 365 * 24 * 3600.0


class Conducting:
    """Runs the children of a Map Run. `ticket` is that of the strand that waits for it.

    A child runs once for each time that it is begun; its outcome is stored before the next
    one begins, so that a restart begins only those without one.
    """

    def __init__(self, parts: Parts, callings: Callings, run: MapRun, ticket: int) -> None:
        self._parts = parts
        self._callings = callings
        self._run = run
        self._ticket = ticket
        self._lock = threading.Lock()
        self._running: dict[int, Child] = {}
        self._total = self._failed = 0
        self._over = False
        self._machine: Machine | None = None

    def go(self) -> None:
        """Read the items unless that is done, and run the children."""
        try:
            self._check_role()
            if not self._run.loaded:
                self._parts.maps.load(self._run.arn, self._children())
        except StatesError as error:
            self._finish(Status.FAILED, Failed(error.name, error.cause))
            return
        counts = self._parts.maps.counts(self._run.arn)
        self._total = sum(size for _, size in counts.values())
        self._failed = sum(counts.get(name, (0, 0))[1] for name in ("FAILED", "TIMED_OUT"))
        self._take_up()
        self._go_on()

    def _check_role(self) -> None:
        """Raise States.Permissions unless the role may start executions of its own machine.

        https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
        """
        plan = self._run.plan
        try:
            self._callings.may_start(plan.role_arn, plan.machine_arn.rpartition("/")[0])
        except AwsError as error:
            raise Stated(errors.PERMISSIONS, error.message) from error

    def fill(self) -> None:
        """Begin as many children as may run, or end if there are none left."""
        maps = self._parts.maps
        with self._lock:
            if self._over:
                return
            found = maps.find(self._run.arn)
            allowed = found.max_concurrency if found is not None else 0
            free = min(allowed or MAX_CONCURRENCY, MAX_CONCURRENCY) - len(self._running)
            begun = maps.with_status(self._run.arn, "PENDING", free) if free > 0 else []
            for child in begun:
                maps.begun(self._run.arn, child, self._parts.schedule.now())
                self._running[child.number] = child
            done = not self._running
            self._over = done
        for child in begun:
            self._begin(child)
        if done:
            self._parts.schedule.apart(self.safely(self._succeed))

    def halt(self) -> None:
        """Stop every child; the execution goes on without this Map Run."""
        self._close()
        result: JsonObject = {"aborted": True}
        now = self._parts.schedule.now()
        self._parts.maps.finish(self._run.arn, Status.ABORTED, now, result)

    def _children(self) -> Iterator[tuple[str, Json, int]]:
        """Yield the ARN, the input and the number of items of each child."""
        plan = self._run.plan
        values = iter(self._selected())
        if plan.batch is None:
            for value in values:
                yield self._child_arn(), value, 1
            return
        sizes = [plan.batch["max_items"], plan.batch["max_bytes"]]
        most, size = (one if isinstance(one, int) else None for one in sizes)
        for batch in items.batches(values, most, size, plan.batch["batch_input"]):
            grouped = batch["Items"]
            yield self._child_arn(), batch, len(grouped) if isinstance(grouped, list) else 1

    def _selected(self) -> list[Json]:
        """Return the items, each as ItemSelector makes it."""
        plan, values, source = self._run.plan, self._run.plan.items, "STATE_DATA"
        state = self._state()
        if plan.reader is not None:
            arguments = plan.reader["arguments"]
            given = arguments if isinstance(arguments, dict) else {}
            resource, limit = str(plan.reader["resource"]), plan.reader["max_items"]
            assert state.item_reader is not None
            client = self._callings.clients("s3", plan.role_arn)
            config = state.item_reader.reader_config
            most = limit if isinstance(limit, int) else None
            values = list(reading.read_items(client, resource, given, config, most))
            source = reading.source_of(resource, given)
        made: list[Json] = []
        failure: list[StatesError] = []

        def select(visit: Visit) -> None:
            try:
                for index, item in enumerate(values or []):
                    about = mapitems.item_context(
                        index, item, is_member=plan.members, source=source
                    )
                    made.append(mapitems.selected(visit, state, item, about))
            except StatesError as error:
                failure.append(Stated(error.name, visit.explain(error)))

        if not self._parts.engine.inside(self._run.execution_arn, self._run.strand, select):
            raise Stated(errors.TASK_FAILED, "The execution has ended.")
        if failure:
            raise failure[0]
        return made

    def _state(self) -> Map:
        path = self._run.plan.machine_path
        revision = self._parts.machines.revision(self._run.plan.revision)
        holder = machine_at(parse(revision.body["definition"]), path[:-3])
        state = holder.states[str(path[-2])]
        assert isinstance(state, Map)
        return state

    def _child_arn(self) -> str:
        kind = "express" if self._run.plan.kind == "EXPRESS" else "execution"
        begin = self._run.plan.machine_arn.replace(":stateMachine:", f":{kind}:", 1)
        own = self._parts.new_id()
        return f"{begin}:{own}:{self._parts.new_id()}" if kind == "express" else f"{begin}:{own}"

    def _take_up(self) -> None:
        """Go on with the children that ran before a restart."""
        children = self._parts.maps.with_status(self._run.arn, "RUNNING")
        with self._lock:
            self._running = {child.number: child for child in children}
        for child in children:
            found = self._parts.executions.find(child.arn)
            if found is None or found.redrive_count < child.redrive_count:
                self._begin(child)
                continue
            run = self._parts.executions.restore(found, self._machine_of_child())
            if found.status is Status.RUNNING:
                self._parts.engine.resume(run, self._ender(child))
            else:
                output = None if found.output is None else json.loads(found.output)
                run.ending = Ending(found.status, output, found.error, found.cause)
                self._ended(run, child)

    def _begin(self, child: Child) -> None:
        engine, kind = self._parts.engine, self._run.plan.kind
        found = self._parts.executions.find(child.arn) if kind == "STANDARD" else None
        if found is not None:
            run = self._parts.executions.restore(found, self._machine_of_child())
            engine.redrive(run, self._ender(child))
            return
        seconds = EXPRESS_SECONDS if kind == "EXPRESS" else STANDARD_SECONDS
        identity = identity_of(self._run, child, self._parts.schedule.now(), seconds)
        run = Run(identity, self._machine_of_child())
        engine.begin(run, self._ender(child))

    def _ender(self, child: Child) -> OnEnd:
        return lambda run: self.safely(lambda: self._ended(run, child))()

    def safely(self, work: Work) -> Work:
        """Return `work` such that whatever goes wrong in it fails the Map Run."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a Map Run must not hang
                self._broke(error)

        return guarded

    def _broke(self, error: Exception) -> None:
        """Fail the Map Run for a reason that no code here foresaw."""
        _LOG.error("the Map Run %s broke", self._run.arn, exc_info=error)
        self._close()
        self._finish(Status.FAILED, Failed(errors.RUNTIME, f"{type(error).__name__}: {error}"))

    def _machine_of_child(self) -> Machine:
        if self._machine is None:
            self._machine = self._state().item_processor
        return self._machine

    def _ended(self, run: Run, child: Child) -> None:
        ending, now = run.ending, self._parts.schedule.now()
        if ending is None:
            raise LookupError(f"{child.arn} has not ended")
        with self._lock:
            if self._running.pop(child.number, None) is None:
                return
            self._parts.maps.ended(self._run.arn, child.number, ending, now)
            if ending.status in (Status.FAILED, Status.TIMED_OUT):
                self._failed += child.items
            if self._over:
                return
        self._go_on()

    def _go_on(self) -> None:
        """Begin what may run now, unless too much has failed."""
        with self._lock:
            beyond = not self._over and not self._tolerated()
        if not beyond:
            self.fill()
            return
        cause = "The specified tolerated failure threshold was exceeded"
        failed = Failed(errors.EXCEED_TOLERATED_FAILURE_THRESHOLD, cause)
        self._close()
        self._parts.schedule.apart(self.safely(lambda: self._fail(failed)))

    def _tolerated(self) -> bool:
        found = self._parts.maps.find(self._run.arn)
        if self._failed == 0 or found is None:
            return True
        return items.failures_tolerated(
            self._failed, self._total, found.tolerated_count, found.tolerated_percentage
        )

    def _close(self) -> None:
        """Begin no more children and end those that run."""
        parts, status = self._parts, Status.ABORTED
        with self._lock:
            self._over = True
            self._running.clear()
        for child in parts.maps.with_status(self._run.arn, "RUNNING"):
            if not parts.engine.halt(child.arn, status, None, None):
                found = parts.executions.find(child.arn)
                if found is not None and found.status is Status.RUNNING:
                    run = parts.executions.restore(found, self._machine_of_child())
                    parts.engine.bury(run, status)
            now = parts.schedule.now()
            parts.maps.ended(self._run.arn, child.number, Ending(status), now)

    def _succeed(self) -> None:
        try:
            output = self._written()
        except Stated as error:
            self._finish(Status.FAILED, Failed(error.name, error.cause))
            return
        self._finish(Status.SUCCEEDED, Answered(output))

    def _fail(self, failed: Failed) -> None:
        """Fail with what broke the Map Run; its results are written all the same."""
        try:
            self._written()
        except Stated as error:
            failed = Failed(error.name, error.cause)
        self._finish(Status.FAILED, failed)

    def _written(self) -> Json:
        children = self._parts.maps.all(self._run.arn)
        writer = self._run.plan.writer
        if writer is None or writer["resource"] is None:
            return writing.outputs(self._run, children)
        return writing.write(
            self._callings.clients("s3", self._run.plan.role_arn), self._run, children
        )

    def _finish(self, status: Status, signal: Signal) -> None:
        result: JsonObject = {}
        match signal:
            case Answered(output):
                result = {"output": output}
            case Failed(error, cause):
                result = {"error": error, "cause": cause}
        self._parts.maps.finish(self._run.arn, status, self._parts.schedule.now(), result)
        self.answer(signal)

    def answer(self, signal: Signal) -> None:
        """Tell the strand that waits how the Map Run ended."""
        run = self._run
        self._parts.engine.signal(run.execution_arn, run.strand, self._ticket, signal)
