# A notebook without cells.
DUE = "wrong lesson"


def hand_in(folder, made, text):
    made.cells = []
    (folder / "20_attacks.ipynb").write_text(text(made))
