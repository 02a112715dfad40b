"""Contracts between processes: requests, events, state inputs and outputs, receipts.

Every contract is a frozen pydantic model. Only the bodies of our own HTTP API refuse unknown
fields; events and state documents gain fields over time, so their readers ignore what they
do not know.

Each is imported from its own module: a process uses a few of the many, and a model costs a start
about a third of a millisecond, used or not.
"""
