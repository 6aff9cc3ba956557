# Everything was merged into one cell.
DUE = "all"


def hand_in(folder, made, text):
    code = [cell for cell in made.cells if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("grade")]
    code[0].source = "\n\n".join(cell.source for cell in code)
    made.cells = [code[0]]
    (folder / "20_attacks.ipynb").write_text(text(made))
