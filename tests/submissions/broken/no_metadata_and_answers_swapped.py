# No metadata, and two answers whose cells were swapped.
DUE = "all"


def hand_in(folder, made, text):
    for cell in made.cells:
        cell.metadata = {}
    one, other = (next(c for c in made.cells if c.source.startswith(f"def {name}(")) for name in ("scale", "slope"))
    one.source, other.source = other.source, one.source
    (folder / "20_attacks.ipynb").write_text(text(made))
