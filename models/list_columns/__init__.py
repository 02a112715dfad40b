"""Learning of what titles, cells and roles tell about the columns of lists."""
