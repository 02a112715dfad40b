"""The executors of the state types."""
