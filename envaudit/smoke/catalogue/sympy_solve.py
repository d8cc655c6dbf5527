"""Solve, differentiate and integrate by symbols."""


def run():
    import sympy

    x = sympy.Symbol("x")
    got = sorted(int(root) for root in sympy.solve(x**2 - 5 * x + 6, x))
    if got != [2, 3]:
        raise AssertionError("roots: got %r, expected [2, 3]" % (got,))
    got = sympy.integrate(3 * x**2, (x, 0, 2))
    if got != 8:
        raise AssertionError("integral: got %r, expected 8" % (got,))
    got = sympy.diff(sympy.sin(x), x).subs(x, 0)
    if got != 1:
        raise AssertionError("derivative: got %r, expected 1" % (got,))
