# Markup in ids, tags, titles, languages and in the names of functions and files.
# %% scale
scale = type("<img src=x onerror='window.hit = 1'>", (), {"__call__": lambda *_: 1 / 0})()
# %% notebook
def change(notebook):
    hostile = "\"><script>window.hit = 2</script>"
    notebook.metadata["title"] = f"</title>{hostile}"
    notebook.metadata["authors"] = [{"name": hostile}]
    notebook.metadata["language_info"] = {"name": hostile, "pygments_lexer": hostile, "mimetype": hostile}
    notebook.metadata["kernelspec"]["display_name"] = hostile
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "x": hostile}}
    for cell in notebook.cells:
        cell.metadata["tags"] = [hostile]
        cell.metadata["collapsed"] = hostile
        cell.id = hostile
        if cell.cell_type == "code":
            cell.metadata["magics_language"] = hostile
            cell.execution_count = 3
