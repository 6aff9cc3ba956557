# HTML, SVG, JavaScript, widgets, LaTeX and Markdown as outputs of cells, of answers that tests call, and of errors.
# %% scale, right
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display


def hostile(number):
    script = f"<script>window.hit = {number}</script><img src=x onerror='window.hit = {number}'>"
    display(HTML(script), Javascript(f"window.hit = {number}"), Latex(f"$\\href{{javascript:window.hit={number}}}{{x}}$"))
    display(SVG(f"<svg xmlns='http://www.w3.org/2000/svg' onload='window.hit = {number}'><g/></svg>"))
    display(Markdown(script))
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": script}, "text/plain": script}
    display({**widget, "image/png": f"\"><script>window.hit = {number}</script>"}, raw=True)
    display({"application/vnd.plotly.v1+json": script, "text/html": script}, raw=True)
    print(script)


def scale(values, factor):
    hostile(1)
    return factor * np.asarray(values)


hostile(2)
HTML("<script>window.hit = 3</script>")
# %% tally
def tally(words):
    hostile(4)
    raise ValueError("<script>window.hit = 5</script><img src=x onerror='window.hit = 6'>")
# %%
raise type("<img src=x onerror='window.hit = 7'>", (Exception,), {})("<script>window.hit = 8</script>")
