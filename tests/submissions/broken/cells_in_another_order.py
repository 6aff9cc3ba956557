# All cells are there, in the opposite order.
DUE = "all"


def hand_in(folder, made, text):
    made.cells = made.cells[::-1]
    (folder / "20_attacks.ipynb").write_text(text(made))
