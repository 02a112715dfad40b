"""A comparison of recipes that draw, trained on equal budgets of processor time."""
