"""Speech: where it is, what is said, when, and by whom."""
