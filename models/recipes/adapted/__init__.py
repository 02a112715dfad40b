"""A language model that is taught a task, in one of several ways."""
