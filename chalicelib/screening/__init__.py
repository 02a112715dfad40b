"""What should not go into a model or come out of it: found by rules, named, masked, refused.

Rules read characters and know words of the languages that they name; what they miss is measured
in docs/safety.md. Pure, but for the two ports that functions and records stand behind.
"""
