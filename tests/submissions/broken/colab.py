# As Colab saves it: all metadata its own, cells with other ids, outputs with its own fields.
DUE = "all"


def hand_in(folder, made, text):
    made.metadata = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    made.nbformat_minor = 0
    for number, cell in enumerate(made.cells):
        cell.pop("id")
        cell.metadata = {"id": f"aB{number}xYz"}
        if cell.cell_type == "code":
            cell.metadata["outputId"] = "0"
            cell.metadata["colab"] = {"base_uri": "https://localhost:8080/"}
            cell.execution_count = number
    (folder / "20_attacks.ipynb").write_text(text(made))
