"""SageMaker's tuning jobs: training jobs with settings that are chosen by what came of the last.

Nothing runs here but those training jobs, so that a trial is what it would be by itself.
"""
