"""The event bus.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated
from chalicelib.contracts.events import EVENT_SOURCE, BusEvent
from chalicelib.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient


class EventBridgeBus:
    """The bus `headrace`."""

    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, event: BusEvent) -> None:
        """Put an event on the bus; it is accepted on return."""
        with translated(f"publishing {event.detail_type}"):
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": EVENT_SOURCE,
                        "DetailType": event.detail_type,
                        "Detail": event.model_dump_json(),
                    }
                ]
            )
        if answer["FailedEntryCount"]:
            refused = answer["Entries"][0]
            raise Transient(f"The bus refused an event: {refused.get('ErrorMessage')}")
