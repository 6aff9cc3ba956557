# Sources as lists of lines, as most programs write them, and one answer as a list of lists.
import json

DUE = "all"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    for cell in data["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True) if isinstance(cell["source"], str) else cell["source"]
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
