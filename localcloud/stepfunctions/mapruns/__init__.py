"""Map Runs: reading items, running a child for each, writing results.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html
"""
