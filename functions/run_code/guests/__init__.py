"""Programs that run inside the sandbox; `functions.run_code.sandbox` sends their text there."""
