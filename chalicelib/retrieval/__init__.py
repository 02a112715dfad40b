"""Retrieval: splitting, searching, citing and answering, computed on texts and vectors."""
