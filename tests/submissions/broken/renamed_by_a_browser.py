# A second download, as browsers name it.
DUE = "all"


def hand_in(folder, made, text):
    (folder / "20_attacks (1).ipynb").write_text(text(made))
