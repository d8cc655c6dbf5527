"""A model of two variables knows which is observed; nothing is compiled."""


def run():
    import pymc

    with pymc.Model() as model:
        mean = pymc.Normal("mean", 0.0, 1.0)
        pymc.Normal("seen", mean, 1.0, observed=[0.5, 1.5])
    got = [each.name for each in model.free_RVs], [each.name for each in model.observed_RVs]
    if got != (["mean"], ["seen"]):
        raise AssertionError("got %r, expected (['mean'], ['seen'])" % (got,))
