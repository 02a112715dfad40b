"""Exports the data of a tenant as ZIP files of bounded size, in bounded steps."""
