"""IAM of the local cloud: credentials, policies, and a record of every decision.

`credentials` knows who holds which access key, `actions` which permissions an operation requires,
`policy` evaluates policies without input or output, `guard` applies all three in front of every
service, `ledger` records calls and decisions, and `audit` compares them with the roles' policies.
"""
