"""Step Functions: the state machine engine and its API."""
