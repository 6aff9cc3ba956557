# git's marks of a conflict within an answer: that one is no Python, the others are.
DUE = ["tally"]


def hand_in(folder, made, text):
    cell = next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "tally")
    cell.source = f"<<<<<<< HEAD\n{cell.source}\n=======\n{cell.source}\n>>>>>>> main"
    (folder / "20_attacks.ipynb").write_text(text(made))
