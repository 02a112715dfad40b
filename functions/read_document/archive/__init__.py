"""Files that hold files: ZIP archives, and the members that become documents."""
