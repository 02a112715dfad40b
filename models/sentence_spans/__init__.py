"""Learning of which words of running text are names, places and terms."""
