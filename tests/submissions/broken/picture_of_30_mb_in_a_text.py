# Thirty megabytes of picture in a written answer.
import base64

DUE = "all"


def hand_in(folder, made, text):
    cell = next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "written_why")
    cell.attachments = {"photo.png": {"image/png": base64.b64encode(bytes(22_000_000)).decode()}}
    (folder / "20_attacks.ipynb").write_text(text(made))
