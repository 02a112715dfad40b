"""What jobs of every kind have in common here: how they are kept."""
