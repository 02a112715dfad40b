"""Twelve problems of interviews, each with a reference and the tests that judge code.

A module is one problem. Its function is the reference: a model is given its head and docstring, and
is to write the body. `check` asserts what any right answer returns, with the functions
after it that it needs; classes before the reference are given to the model as well. The modules are
read as text by `chalicelib.evaluation.code.problems`, and run in the sandbox.
"""
