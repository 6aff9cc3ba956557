# A file of nothing but white space.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").write_text(" \n\t\n" * 1000)
