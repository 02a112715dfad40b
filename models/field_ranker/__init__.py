"""Learning which span of a document is a field's value: `python -m models.field_ranker`.

The weights are learned on generated documents of the training templates, and settings and
confidences on templates that were kept for it. Templates of the test are never read here.
"""
