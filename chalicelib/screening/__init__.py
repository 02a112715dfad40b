"""Screening: finds, masks and refuses content that should not enter or leave a model.

Rules read characters and know words of the languages that they name; docs/safety.md measures what
they miss. Pure, apart from the functions and records behind protocols.
"""
