# Escape sequences, links for terminals, characters that no text has, and marks that turn a line around.
# %% tally
def tally(words):
    print("\x1b]8;;javascript:window.hit=1\x07click\x1b]8;;\x07 \x1b[31m<script>window.hit = 2</script>\x1b[0m\x1b[2J")
    print("\x1b[38;5;<script>m \x00 \x08 \x7f \u202e reversed \ud83d half \uffff")
    raise ValueError("\x1b]8;;javascript:window.hit=3\x07click\x1b]8;;\x07 \ud800 \x00 </pre><script>window.hit = 4</script>")
# %%
print("\r" * 50, "\x1b[1;31;42mcolours", "\ud800")
# %% mlp_parameters
class Result:
    pass


Result.__name__ = Result.__qualname__ = "</pre><script>window.hit = 5</script>\ud800"


def mlp_parameters(sizes):
    return Result()
