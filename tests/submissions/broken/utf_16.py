# Saved as UTF-16.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").write_bytes(text(made).encode("utf-16"))
