"""The Amazon States Language as pure functions: no I/O, no threads, no clients.

Sources: https://states-language.net and the AWS Step Functions Developer Guide
(https://docs.aws.amazon.com/step-functions/latest/dg/).
"""
