"""Has the candidate of a rollout answer captured calls and smoke requests in the background."""
