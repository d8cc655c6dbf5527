"""Special functions at points where their values are known."""


def run():
    import math

    from scipy import special

    known = [
        ("gamma(5)", special.gamma(5.0), 24.0),
        ("erf(1)", special.erf(1.0), math.erf(1.0)),
        ("gammaln(30.5)", special.gammaln(30.5), math.lgamma(30.5)),
        ("j0(0)", special.j0(0.0), 1.0),
        ("binom(10, 3)", special.binom(10, 3), 120.0),
        ("expit(0)", special.expit(0.0), 0.5),
        ("zeta(2)", special.zeta(2.0, 1.0), math.pi**2 / 6),
        ("ellipk(0)", special.ellipk(0.0), math.pi / 2),
    ]
    for what, got, expected in known:
        if not abs(float(got) - expected) < 1e-10 * max(1.0, abs(expected)):
            raise AssertionError("%s: got %r, expected %r" % (what, float(got), expected))
