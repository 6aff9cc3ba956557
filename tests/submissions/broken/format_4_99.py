# A minor version from the future, with a field that is not known yet.
import json

DUE = "all"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    data["nbformat_minor"] = 99
    data["cells"][2]["mood"] = "happy"
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
