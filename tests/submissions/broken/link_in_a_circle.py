# Two symbolic links that point at one another.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").symlink_to(folder / "other.ipynb")
    (folder / "other.ipynb").symlink_to(folder / "20_attacks.ipynb")
