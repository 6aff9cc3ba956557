# Only the cells with answers are left, without metadata.
DUE = "all"


def hand_in(folder, made, text):
    made.cells = [cell for cell in made.cells if cell.source.startswith(("def ", "class ", "import "))]
    for cell in made.cells:
        cell.metadata = {}
    (folder / "20_attacks.ipynb").write_text(text(made))
