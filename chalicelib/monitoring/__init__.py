"""Monitoring: baselines of captured calls, and what has drifted away from them."""
