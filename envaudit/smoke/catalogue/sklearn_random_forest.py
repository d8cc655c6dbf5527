"""Train a small forest on a question with a clear answer."""


def run():
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    points = np.arange(200, dtype=float).reshape(-1, 1)
    labels = (points[:, 0] >= 100).astype(int)
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(points, labels)
    got = model.predict(np.array([[10.0], [190.0]])).tolist()
    if got != [0, 1]:
        raise AssertionError("got %r, expected [0, 1]" % (got,))
