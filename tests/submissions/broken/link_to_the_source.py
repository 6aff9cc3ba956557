# A symbolic link to a notebook with all answers that lies elsewhere.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    elsewhere = folder.parent / "source.ipynb"
    elsewhere.write_text(text(made))
    (folder / "20_attacks.ipynb").symlink_to(elsewhere)
