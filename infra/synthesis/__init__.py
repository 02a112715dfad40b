"""Synthesis of the one CloudFormation template.

Its sources are `app.py`, `infra/template` and `statemachines`.
"""
