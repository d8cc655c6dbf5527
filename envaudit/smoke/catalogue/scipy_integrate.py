"""Integrals and a differential equation with known solutions."""


def run():
    import math

    from scipy import integrate

    got = integrate.quad(lambda x: x * x, 0, 3)[0]
    if not abs(got - 9.0) < 1e-9:
        raise AssertionError("integral: got %r, expected 9.0" % (got,))
    if not hasattr(integrate, "solve_ivp"):  # SciPy before 1.0
        return
    solution = integrate.solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], rtol=1e-8, atol=1e-10)
    got = float(solution.y[0, -1])
    if not abs(got - math.exp(-1)) < 1e-6:
        raise AssertionError("decay: got %r, expected %r" % (got, math.exp(-1)))
