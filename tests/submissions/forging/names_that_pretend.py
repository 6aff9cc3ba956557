# An answer that is no function but says that it is a library's, and one that hides its parameters.
# %% mlp_parameters
class Pretends:
    __name__ = __qualname__ = "sum"
    __module__ = "builtins"
    __signature__ = "lies"
    __wrapped__ = sum

    def __call__(self, *args, **kwargs):
        return 0

    def __getattribute__(self, name):
        return object.__getattribute__(self, name) if name.startswith("__") else None


mlp_parameters = Pretends()
# %% scale
scale = type("ndarray", (), {"__call__": lambda *_: 0, "__module__": "numpy"})()
