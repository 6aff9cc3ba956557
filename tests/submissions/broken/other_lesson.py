# A notebook of another lesson, with another lesson's grade ids and functions, under this one's name.
DUE = "wrong lesson"


def hand_in(folder, made, text):
    made.cells = [cell for cell in made.cells if cell.cell_type == "code"][:3]
    for number, cell in enumerate(made.cells):
        cell.source = f"def correlate{number}d(image, kernel):\n    return {number}"
        cell.metadata = {"nbgrader": {"grade_id": f"correlate{number}d", "solution": True, "grade": False, "locked": False}}
    (folder / "20_attacks.ipynb").write_text(text(made))
