"""Search over frozen collections of Debian's dictionaries, with relevance judgements."""
