# All that is not an answer was deleted.
DUE = "all"


def hand_in(folder, made, text):
    made.cells = [cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    (folder / "20_attacks.ipynb").write_text(text(made))
