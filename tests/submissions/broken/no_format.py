# The numbers of the format are gone.
import json

DUE = "unreadable notebook"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    data.pop("nbformat"), data.pop("nbformat_minor")
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
