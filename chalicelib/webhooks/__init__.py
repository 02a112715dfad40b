"""Webhooks: events of the bus, signed and sent to addresses that tenants name."""
