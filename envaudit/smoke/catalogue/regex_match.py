"""Patterns that the standard library does not have."""


def run():
    import regex

    got = regex.findall(r"\p{Lu}\p{Ll}+", "Ärger mit Österreich")
    if got != ["Ärger", "Österreich"]:
        raise AssertionError("got %r, expected ['Ärger', 'Österreich']" % (got,))
    got = regex.fullmatch(r"(?:cat){e<=1}", "cart") is not None
    if not got:
        raise AssertionError("got no match with one error, expected one")
