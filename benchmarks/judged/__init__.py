"""Collections with judgements, made from dictionaries that Debian packages."""
