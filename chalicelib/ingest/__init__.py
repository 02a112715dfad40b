"""What happens around the `ingest` state machine: what arrives starts it, what ended is settled."""
