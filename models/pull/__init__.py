"""Models of the catalogue on this machine: sources, conversion, and a checked cache."""
