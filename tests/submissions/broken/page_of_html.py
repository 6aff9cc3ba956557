# The page on which the download should have been.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").write_text("<!DOCTYPE html><html><body>Please log in.</body></html>")
