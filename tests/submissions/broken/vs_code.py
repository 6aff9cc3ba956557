# As an editor saves it that keeps no metadata of others, writes other line ends, and no kernel.
DUE = "all"


def hand_in(folder, made, text):
    made.metadata = {"language_info": {"name": "python"}}
    for number, cell in enumerate(made.cells):
        cell.id = f"{number:08x}"
        cell.metadata = {"vscode": {"languageId": "python"}} if cell.cell_type == "code" else {}
        cell.source = cell.source.replace("\n", "\r\n")
    (folder / "20_attacks.ipynb").write_text(text(made))
