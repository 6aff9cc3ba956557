# Thirty megabytes of picture in the outputs of a cell.
import base64

from nbformat.v4 import new_output

DUE = "all"


def hand_in(folder, made, text):
    cell = next(cell for cell in made.cells if cell.cell_type == "code")
    picture = base64.b64encode(bytes(22_000_000)).decode()
    cell.outputs = [new_output("display_data", {"image/png": picture})]
    (folder / "20_attacks.ipynb").write_text(text(made))
