# Five thousand cells between the others.
import copy

DUE = "all"


def hand_in(folder, made, text):
    many = []
    for cell in made.cells:
        many.append(cell)
        for number in range(200):
            extra = copy.deepcopy(made.cells[1])
            extra.source, extra.metadata, extra.id = f"x = {number}", {}, f"x{len(many)}"
            many.append(extra)
    made.cells = many
    assert len(many) > 4000
    (folder / "20_attacks.ipynb").write_text(text(made))
