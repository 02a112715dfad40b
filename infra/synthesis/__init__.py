"""Make the one CloudFormation template from `app.py`, `infra/template` and `statemachines`."""
