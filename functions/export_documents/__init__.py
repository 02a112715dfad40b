"""Exports what a tenant has into ZIP files of bounded size, in bounded steps."""
