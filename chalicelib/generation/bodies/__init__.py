"""Calls in the words of each API that answers them, and answers back in ours. All of it is pure."""
