"""Retrieval: splitting, ranking, citing and answering, as arithmetic on texts and vectors."""
