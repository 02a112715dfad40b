"""Learning of the order of candidates: `python -m models.candidate_head`.

The questions of the training set are asked through the product's own search; what it finds is cut
into candidates and compared by the product's own code. So whoever changes segments, search or
features learns again, and gets a head that fits them.
"""
