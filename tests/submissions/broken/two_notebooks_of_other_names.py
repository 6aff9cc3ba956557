# Two notebooks, none of which has the lesson's name: nobody can know which one counts.
DUE = "missing"


def hand_in(folder, made, text):
    for name in ("draft.ipynb", "final.ipynb"):
        (folder / name).write_text(text(made))
