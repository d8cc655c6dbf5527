"""Read and write a document, also with the compiled parser where it is there."""


def run():
    import yaml

    text = "a: [1, 2.5, yes]\nb: {c: null, d: 'x'}\n"
    expected = {"a": [1, 2.5, True], "b": {"c": None, "d": "x"}}
    for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        got = yaml.load(text, Loader=loader)
        if got != expected:
            raise AssertionError("got %r, expected %r" % (got, expected))
    got = yaml.safe_load(yaml.safe_dump(expected))
    if got != expected:
        raise AssertionError("there and back: got %r, expected %r" % (got, expected))
