"""The bodies of the OpenAI-compatible routes, as OpenAI's reference has them.

https://platform.openai.com/docs/api-reference
"""
