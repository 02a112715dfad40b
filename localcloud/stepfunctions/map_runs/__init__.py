"""Map Runs: read the items, run a child execution for each, write the results.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html
"""
