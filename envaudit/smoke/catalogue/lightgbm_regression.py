"""Boosted trees that learn a step."""


def run():
    import lightgbm
    import numpy as np

    x = np.arange(200.0).reshape(-1, 1)
    y = (x[:, 0] >= 100).astype(float)
    options = {"objective": "regression", "min_data_in_leaf": 5, "learning_rate": 0.5, "verbose": -1, "num_threads": 2}
    model = lightgbm.train(options, lightgbm.Dataset(x, y), num_boost_round=20)
    got = [float(value) for value in model.predict(np.array([[10.0], [190.0]]))]
    if not (abs(got[0]) < 0.01 and abs(got[1] - 1.0) < 0.01):
        raise AssertionError("got %r, expected [0.0, 1.0]" % (got,))
