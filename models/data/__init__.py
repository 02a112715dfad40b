"""Channels: the kinds of data that recipes train on, and the packages that data comes in."""
