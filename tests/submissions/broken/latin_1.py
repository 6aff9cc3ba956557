# Saved in the encoding of old Windows, with a letter that is none in UTF-8.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    made.cells[0].source += "\nGrüße"
    content = text(made).encode("latin-1", errors="replace")
    assert b"\xfc" in content
    (folder / "20_attacks.ipynb").write_bytes(content)
