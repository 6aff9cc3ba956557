# Two answers were deleted with their cells.
DUE = ["scale", "Queue"]


def hand_in(folder, made, text):
    made.cells = [c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in ("scale", "Queue")]
    (folder / "20_attacks.ipynb").write_text(text(made))
