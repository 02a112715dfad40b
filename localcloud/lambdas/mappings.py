"""Event source mappings: their API, their durable definitions, and their pollers."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from localcloud.database import Database
from localcloud.errors import AwsError, unsupported
from localcloud.lambdas.mapping import (
    Mapped,
    changed,
    check_names,
    dumps,
    loads,
    queue_arn,
    shown,
)
from localcloud.lambdas.pages import page_of
from localcloud.lambdas.poller import Poller, Queues, RunBatch
from localcloud.lambdas.registry import Registry
from localcloud.service import CloudContext, Params, Result

_SCHEMA = "CREATE TABLE IF NOT EXISTS mappings (uuid TEXT PRIMARY KEY, definition TEXT NOT NULL)"


class Mappings:
    """All mappings of the account."""

    def __init__(
        self,
        path: Path,
        context: CloudContext,
        registry: Registry,
        queues_of: Callable[[str], Queues],
        run: RunBatch,
        give_back: Callable[[str], None],
    ) -> None:
        """Keep definitions in `path`; `queues_of` gives the queues as a function may use them.

        `give_back` shows what earlier pollers of a queue, by its ARN, held when they were killed.
        """
        self._database = Database(path, _SCHEMA)
        self._context = context
        self._registry = registry
        self._queues_of = queues_of
        self._run = run
        self._give_back = give_back
        self._pollers: dict[str, Poller] = {}
        self._guard = threading.Lock()
        self._started = False

    def start(self) -> None:
        """Poll for every enabled mapping."""
        with self._guard:
            self._started = True
            kept = self._all()
            for arn in {mapped.queue_arn for mapped in kept}:
                self._give_back(arn)
            for mapped in kept:
                self._poll(mapped)

    def stop(self) -> None:
        """End all pollers."""
        with self._guard:
            self._started = False
            for poller in self._pollers.values():
                poller.stop()
            self._pollers.clear()
        self._database.close()

    def create(self, params: Params) -> Result:
        """Answer CreateEventSourceMapping."""
        check_names(params)
        arn = queue_arn(params)
        function = self._registry.find(str(params["FunctionName"])).reference
        with self._guard:
            existing = self._between(arn, function)
            if existing:
                raise AwsError(
                    "ResourceConflictException",
                    f'An event source mapping with event source arn (" {arn} ") and function '
                    f'(" {function} ") already exists. Please update or delete the existing '
                    f"mapping with UUID {existing.uuid}",
                    409,
                )
            mapped = self._wanted(Mapped(str(uuid.uuid4()), arn, function, time.time()), params)
            self._keep(mapped)
        return self._show(mapped, "Creating")

    def ensure(self, params: Params) -> Result:
        """Create the mapping of a template, or bring the one that is there in line with it."""
        arn = queue_arn(params)
        function = self._registry.find(str(params["FunctionName"])).reference
        existing = self._between(arn, function)
        if existing is None:
            return self.create(params)
        check_names(params)
        fresh = Mapped(existing.uuid, arn, function, existing.modified)
        with self._guard:
            self._keep(self._wanted(fresh, params))
        return self.get({"UUID": existing.uuid})

    def get(self, params: Params) -> Result:
        """Answer GetEventSourceMapping."""
        mapped = self._find(str(params["UUID"]))
        with self._guard:
            poller = self._pollers.get(mapped.uuid)
        shown_now = self._show(mapped, "Enabled" if mapped.enabled else "Disabled")
        return {**shown_now, "LastProcessingResult": poller.last_result} if poller else shown_now

    def page(self, params: Params) -> Result:
        """Answer ListEventSourceMappings."""
        for name in params:
            if name not in ("EventSourceArn", "FunctionName", "MaxItems", "Marker"):
                raise unsupported("Lambda", f"the parameter {name} of ListEventSourceMappings")
        wanted = params.get("FunctionName")
        function = self._registry.find(str(wanted)).reference if wanted else None
        arn = params.get("EventSourceArn")
        found = [
            mapped
            for mapped in self._all()
            if function in (None, mapped.function) and arn in (None, mapped.queue_arn)
        ]
        shown_now = [self.get({"UUID": each.uuid}) for each in found]
        return page_of("EventSourceMappings", shown_now, params, lambda each: str(each["UUID"]))

    def update(self, params: Params) -> Result:
        """Answer UpdateEventSourceMapping."""
        check_names(params)
        with self._guard:
            mapped = self._find(str(params["UUID"]))
            wanted = self._wanted(mapped, params)
            self._keep(wanted)
        return self._show(wanted, "Updating")

    def delete(self, params: Params) -> Result:
        """Answer DeleteEventSourceMapping."""
        with self._guard:
            mapped = self._find(str(params["UUID"]))
            self._unpoll(mapped.uuid)
            self._database.write("DELETE FROM mappings WHERE uuid = ?", mapped.uuid)
        return self._show(mapped, "Deleting")

    def _wanted(self, mapped: Mapped, params: Params) -> Mapped:
        wanted = changed(mapped, params)
        self._check_visibility(wanted)
        return wanted

    def _check_visibility(self, mapped: Mapped) -> None:
        """Refuse a queue that would hand out a message again while the function has it."""
        name = mapped.queue_arn.rsplit(":", 1)[1]
        queues = self._queues_of(mapped.function)
        url = queues.get_queue_url({"QueueName": name})["QueueUrl"]
        asked = {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
        attributes = queues.get_queue_attributes(asked)["Attributes"]
        visible_s = int(attributes["VisibilityTimeout"])
        timeout_s = self._registry.find(mapped.function).spec.timeout_s
        if visible_s < timeout_s:
            raise AwsError(
                "InvalidParameterValueException",
                f"Queue visibility timeout: {visible_s} seconds is less than Function timeout: "
                f"{timeout_s} seconds",
            )

    def _keep(self, mapped: Mapped) -> None:
        self._database.write(
            "INSERT INTO mappings VALUES (?, ?) "
            "ON CONFLICT (uuid) DO UPDATE SET definition = excluded.definition",
            mapped.uuid,
            dumps(mapped),
        )
        self._unpoll(mapped.uuid)
        if self._started:
            self._poll(mapped)

    def _poll(self, mapped: Mapped) -> None:
        if mapped.enabled:
            is_ready = partial(self._registry.knows, mapped.function)
            queues = self._queues_of(mapped.function)
            poller = Poller(mapped, queues, self._run, is_ready)
            self._pollers[mapped.uuid] = poller
            poller.start()

    def _unpoll(self, mapping: str) -> None:
        poller = self._pollers.pop(mapping, None)
        if poller is not None:
            poller.stop()

    def _all(self) -> list[Mapped]:
        rows = self._database.read("SELECT definition FROM mappings ORDER BY uuid")
        return [loads(row["definition"]) for row in rows]

    def _between(self, arn: str, function: str) -> Mapped | None:
        pairs = (each for each in self._all() if (each.queue_arn, each.function) == (arn, function))
        return next(pairs, None)

    def _find(self, mapping: str) -> Mapped:
        rows = self._database.read("SELECT definition FROM mappings WHERE uuid = ?", mapping)
        if not rows:
            raise AwsError(
                "ResourceNotFoundException", "The resource you requested does not exist.", 404
            )
        return loads(rows[0]["definition"])

    def _show(self, mapped: Mapped, state: str) -> dict[str, Any]:
        return shown(
            mapped,
            self._context.arn("lambda", f"function:{mapped.function}"),
            self._context.arn("lambda", f"event-source-mapping:{mapped.uuid}"),
            state,
        )
