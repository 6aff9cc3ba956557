# The format of 2013: cells in worksheets, code called input.
import nbformat

DUE = "all"


def hand_in(folder, made, text):
    old = nbformat.convert(made, 3)
    (folder / "20_attacks.ipynb").write_text(nbformat.writes(old, version=3))
