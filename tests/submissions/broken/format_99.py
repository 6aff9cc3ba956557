# A format that does not exist yet; no program can say what its cells mean.
import json

DUE = "unreadable notebook"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    data["nbformat"] = 99
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
