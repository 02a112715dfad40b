"""The command `labelling`: tasks, what reviewers do, and what comes of it."""
