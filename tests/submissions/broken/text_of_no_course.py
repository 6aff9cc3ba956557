# A notebook that has nothing to do with any course.
DUE = "wrong lesson"


def hand_in(folder, made, text):
    made.cells = made.cells[:1]
    made.cells[0].source = "# My holidays"
    (folder / "20_attacks.ipynb").write_text(text(made))
