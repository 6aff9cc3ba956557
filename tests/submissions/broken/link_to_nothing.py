# A symbolic link whose end is not there.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").symlink_to(folder / "nothing")
