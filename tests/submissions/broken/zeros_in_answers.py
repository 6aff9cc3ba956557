# A byte of zero inside an answer: no Python; the other answers count.
DUE = ["slope"]


def hand_in(folder, made, text):
    cell = next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "slope")
    cell.source = cell.source.replace("return", "\x00return")
    (folder / "20_attacks.ipynb").write_text(text(made))
