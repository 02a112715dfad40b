"""The operations on event source mappings, their stored definitions, and their pollers."""

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
from localcloud.lambdas.event_sources.definition import (
    EventSourceMapping,
    check_parameter_names,
    describe_mapping,
    mapping_from_json,
    mapping_to_json,
    source_queue_arn,
    updated_mapping,
)
from localcloud.lambdas.event_sources.poller import EventSourcePoller, RunBatch, SqsQueues
from localcloud.lambdas.registry import FunctionRegistry
from localcloud.pagination import marker_page
from localcloud.service import CloudContext, Params, Result
from localcloud.storage_errors import FreeSpace

_SCHEMA = "CREATE TABLE IF NOT EXISTS mappings (uuid TEXT PRIMARY KEY, definition TEXT NOT NULL)"


class EventSourceMappings:
    """All event source mappings of the account."""

    def __init__(
        self,
        path: Path,
        context: CloudContext,
        registry: FunctionRegistry,
        queues_of: Callable[[str], SqsQueues],
        run: RunBatch,
        release_in_flight: Callable[[str], None],
    ) -> None:
        """Open the stored definitions.

        Args:
            path: The SQLite file.
            context: The cloud that the mappings are in.
            registry: The functions that exist.
            queues_of: Returns the queues as a function may use them.
            run: Invokes a function with a batch.
            release_in_flight: Makes messages visible that pollers of a queue, given by its ARN,
                had received when they were killed.
        """
        self._database = Database(path, _SCHEMA)
        self._context = context
        self._space = FreeSpace(context.data_dir)
        self._registry = registry
        self._queues_of = queues_of
        self._run = run
        self._release_in_flight = release_in_flight
        self._pollers: dict[str, EventSourcePoller] = {}
        self._lock = threading.Lock()
        self._started = False

    def start(self) -> None:
        """Poll for every enabled mapping."""
        with self._lock:
            self._started = True
            mappings = self._all()
            for arn in {mapping.queue_arn for mapping in mappings}:
                self._release_in_flight(arn)
            for mapping in mappings:
                self._start_poller(mapping)

    def stop(self) -> None:
        """End all pollers."""
        with self._lock:
            self._started = False
            for poller in self._pollers.values():
                poller.stop()
            self._pollers.clear()
        self._database.close()

    def create(self, params: Params) -> Result:
        """Answer CreateEventSourceMapping, for SQS queues."""
        check_parameter_names(params)
        arn = source_queue_arn(params)
        function = self._registry.find(str(params["FunctionName"])).reference
        with self._lock:
            existing = self._find_between(arn, function)
            if existing:
                raise AwsError(
                    "ResourceConflictException",
                    f'An event source mapping with event source arn (" {arn} ") and function '
                    f'(" {function} ") already exists. Please update or delete the existing '
                    f"mapping with UUID {existing.uuid}",
                    409,
                )
            new = EventSourceMapping(str(uuid.uuid4()), arn, function, time.time())
            mapping = self._update(new, params)
            self._store(mapping)
        return self._describe(mapping, "Creating")

    def ensure(self, params: Params) -> Result:
        """Create the mapping of a template, or give an existing one these settings only."""
        arn = source_queue_arn(params)
        function = self._registry.find(str(params["FunctionName"])).reference
        existing = self._find_between(arn, function)
        if existing is None:
            return self.create(params)
        check_parameter_names(params)
        reset = EventSourceMapping(existing.uuid, arn, function, existing.modified)
        with self._lock:
            self._store(self._update(reset, params))
        return self.get({"UUID": existing.uuid})

    def get(self, params: Params) -> Result:
        """Answer GetEventSourceMapping."""
        mapping = self._find(str(params["UUID"]))
        with self._lock:
            poller = self._pollers.get(mapping.uuid)
        described = self._describe(mapping, "Enabled" if mapping.enabled else "Disabled")
        return {**described, "LastProcessingResult": poller.last_result} if poller else described

    def list_page(self, params: Params) -> Result:
        """Answer ListEventSourceMappings."""
        for name in params:
            if name not in ("EventSourceArn", "FunctionName", "MaxItems", "Marker"):
                raise unsupported("Lambda", f"the parameter {name} of ListEventSourceMappings")
        wanted = params.get("FunctionName")
        function = self._registry.find(str(wanted)).reference if wanted else None
        arn = params.get("EventSourceArn")
        found = [
            mapping
            for mapping in self._all()
            if function in (None, mapping.function) and arn in (None, mapping.queue_arn)
        ]
        described = [self.get({"UUID": mapping.uuid}) for mapping in found]
        return marker_page("EventSourceMappings", described, params, lambda each: str(each["UUID"]))

    def update(self, params: Params) -> Result:
        """Answer UpdateEventSourceMapping."""
        check_parameter_names(params)
        with self._lock:
            mapping = self._update(self._find(str(params["UUID"])), params)
            self._store(mapping)
        return self._describe(mapping, "Updating")

    def delete(self, params: Params) -> Result:
        """Answer DeleteEventSourceMapping."""
        with self._lock:
            mapping = self._find(str(params["UUID"]))
            self._stop_poller(mapping.uuid)
            self._database.write("DELETE FROM mappings WHERE uuid = ?", mapping.uuid)
        return self._describe(mapping, "Deleting")

    def _update(self, mapping: EventSourceMapping, params: Params) -> EventSourceMapping:
        updated = updated_mapping(mapping, params)
        self._check_visibility_timeout(updated)
        return updated

    def _check_visibility_timeout(self, mapping: EventSourceMapping) -> None:
        """Refuse a queue that would deliver a message again while the function processes it."""
        name = mapping.queue_arn.rsplit(":", 1)[1]
        queues = self._queues_of(mapping.function)
        url = queues.get_queue_url({"QueueName": name})["QueueUrl"]
        request = {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
        attributes = queues.get_queue_attributes(request)["Attributes"]
        visibility_s = int(attributes["VisibilityTimeout"])
        timeout_s = self._registry.find(mapping.function).spec.timeout_s
        if visibility_s < timeout_s:
            raise AwsError(
                "InvalidParameterValueException",
                f"Queue visibility timeout: {visibility_s} seconds is less than Function timeout: "
                f"{timeout_s} seconds",
            )

    def _store(self, mapping: EventSourceMapping) -> None:
        self._database.write(
            "INSERT INTO mappings VALUES (?, ?) "
            "ON CONFLICT (uuid) DO UPDATE SET definition = excluded.definition",
            mapping.uuid,
            mapping_to_json(mapping),
        )
        self._stop_poller(mapping.uuid)
        if self._started:
            self._start_poller(mapping)

    def _start_poller(self, mapping: EventSourceMapping) -> None:
        if mapping.enabled:
            is_ready = partial(self._registry.is_registered, mapping.function)
            queues = self._queues_of(mapping.function)
            poller = EventSourcePoller(
                mapping, queues, self._run, is_ready, is_disk_low=self._space.is_low
            )
            self._pollers[mapping.uuid] = poller
            poller.start()

    def _stop_poller(self, mapping_id: str) -> None:
        poller = self._pollers.pop(mapping_id, None)
        if poller is not None:
            poller.stop()

    def _all(self) -> list[EventSourceMapping]:
        rows = self._database.read("SELECT definition FROM mappings ORDER BY uuid")
        return [mapping_from_json(row["definition"]) for row in rows]

    def _find_between(self, arn: str, function: str) -> EventSourceMapping | None:
        return next(
            (each for each in self._all() if (each.queue_arn, each.function) == (arn, function)),
            None,
        )

    def _find(self, mapping_id: str) -> EventSourceMapping:
        rows = self._database.read("SELECT definition FROM mappings WHERE uuid = ?", mapping_id)
        if not rows:
            raise AwsError(
                "ResourceNotFoundException", "The resource you requested does not exist.", 404
            )
        return mapping_from_json(rows[0]["definition"])

    def _describe(self, mapping: EventSourceMapping, state: str) -> dict[str, Any]:
        return describe_mapping(
            mapping,
            self._context.arn("lambda", f"function:{mapping.function}"),
            self._context.arn("lambda", f"event-source-mapping:{mapping.uuid}"),
            state,
        )
