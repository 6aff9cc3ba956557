# Two answers were split into two cells each, one of them in the middle of a function.
import copy

DUE = "all"


def hand_in(folder, made, text):
    for name, line in (("tally", 2), ("Queue", 4)):
        place = next(n for n, c in enumerate(made.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == name)
        rest = copy.deepcopy(made.cells[place])
        lines = rest.source.split("\n")
        made.cells[place].source, rest.source = "\n".join(lines[:line]), "\n".join(lines[line:])
        rest.metadata, rest.id = {}, f"{name}-second"
        made.cells.insert(place + 1, rest)
    (folder / "20_attacks.ipynb").write_text(text(made))
