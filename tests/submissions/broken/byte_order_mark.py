# Saved by an editor that puts a mark in front.
DUE = "all"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").write_bytes(b"\xef\xbb\xbf" + text(made).encode())
