"""Amazon EventBridge: event buses, rules, scheduled rules and durable deliveries."""

from localcloud.events.service import EventsService

__all__ = ["EventsService"]
