# nbgrader's metadata are lists, texts and numbers.
import json

DUE = "all"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    for cell, junk in zip((c for c in data["cells"] if "nbgrader" in c["metadata"]), ([], "x", 3, None, True, [{}]) * 9):
        cell["metadata"]["nbgrader"] = junk
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
