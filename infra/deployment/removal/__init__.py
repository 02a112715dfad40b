"""Remove a stage: list what it has, empty it, delete its stack, report what AWS keeps."""
