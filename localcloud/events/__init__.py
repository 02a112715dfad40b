"""EventBridge: buses, rules, schedules and deliveries that survive a kill."""

from localcloud.events.service import EventsService

__all__ = ["EventsService"]
