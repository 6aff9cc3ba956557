# The answers were written into the cells of tests, above the tests; their own cells are empty.
DUE = "all"


def hand_in(folder, made, text):
    for name in ("scale", "tally"):
        answer = next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
        test = next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == f"{name}_check")
        test.source = f"{answer.source}\n\n{test.source}"
        answer.source = ""
    (folder / "20_attacks.ipynb").write_text(text(made))
