"""Reports of evaluations, for machines and for people."""
