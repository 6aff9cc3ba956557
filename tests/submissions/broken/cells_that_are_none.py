# Numbers and nothing where cells should be.
import json

DUE = "unreadable notebook"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    data["cells"] += [None, 3, "cell", []]
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
