"""What the service keeps, in one SQLite file."""
