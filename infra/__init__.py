"""Tools around a stage: its template, packages, deployment, costs, documentation and tenants."""
