# A folder that is called like the notebook.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").mkdir()
    (folder / "20_attacks.ipynb" / "20_attacks.ipynb").write_text(text(made))
