"""The commands on evaluations: suites in files, runs, and reports."""
