"""The clock of the processes that a local cloud with a moved clock starts."""
