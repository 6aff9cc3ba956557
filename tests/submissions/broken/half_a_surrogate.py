# Half of a letter in a cell with text, and in an answer's string: legal JSON, no legal text.
import json

DUE = "all"


def hand_in(folder, made, text):
    data = json.loads(text(made))
    data["cells"][0]["source"] += "\ud83d"
    answer = next(c for c in data["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "written_why")
    answer["source"] = "Because \udc00."
    (folder / "20_attacks.ipynb").write_text(json.dumps(data))
