"""Commands on the local cloud: up, down, demo, faults."""
