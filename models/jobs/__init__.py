"""The tasks of a training job: train, try, judge and finish."""
