# A file that nobody may read (root may).
import os

DUE = "unreadable notebook" if os.getuid() else "all"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").write_text(text(made))
    (folder / "20_attacks.ipynb").chmod(0)
