# Each cell is there twice, with the same ids; the first copies of two answers are blank.
import copy

DUE = "all"


def hand_in(folder, made, text):
    twice = [copy.deepcopy(cell) for cell in made.cells for _ in range(2)]
    for number, cell in enumerate(twice):
        if number % 2 == 0 and cell.metadata.get("nbgrader", {}).get("grade_id") in ("scale", "slope"):
            cell.source = "raise NotImplementedError"
    made.cells = [cell for cell in twice if cell.source != "raise NotImplementedError"]
    (folder / "20_attacks.ipynb").write_text(text(made))
