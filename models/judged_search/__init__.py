"""Search over frozen collections with relevance judgements, made from dictionaries of Debian."""
