# Outputs that lack their parts, or are of kinds that do not exist.
import json

DUE = "all"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    for cell, outputs in zip(
        (cell for cell in data["cells"] if cell["cell_type"] == "code"),
        ([{}], [None], [{"output_type": "error"}], [3], ["x"], [{"output_type": "x", "data": []}], None, {}),
    ):
        cell["outputs"] = outputs
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
