# Sixty megabytes.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    made.cells[0].source += "x" * 60_000_000
    (folder / "20_attacks.ipynb").write_text(text(made))
