"""Questions about ordinary files of packages, and the files, which the registries' clients get.

What is committed are the questions with the verbatim text that answers each, and which member of
which package a file is. The files' own texts stay in the packages.
"""
