# A notebook that is cut off in the middle: the upload was stopped.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").write_text(text(made)[:2000])
