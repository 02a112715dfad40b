"""The stores of Step Functions, in one SQLite file."""
