# Format 4.0, in which cells have no ids.
DUE = "all"


def hand_in(folder, made, text):
    made.nbformat_minor = 0
    for cell in made.cells:
        cell.pop("id")
    (folder / "20_attacks.ipynb").write_text(text(made))
