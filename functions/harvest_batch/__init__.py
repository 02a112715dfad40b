"""Answers items by a batch job of Bedrock, and turns its output into their outcomes."""
