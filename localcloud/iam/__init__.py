"""Who calls, what they may do, and what they did.

`policy` decides and does no input or output, `actions` says what an operation needs, `callers` who
holds which key, `guard` puts them together in front of every service, `ledger` keeps what was
decided, and `audit` holds that against what the template `grants`.
"""
