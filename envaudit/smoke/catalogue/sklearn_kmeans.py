"""Find two well separated groups of points."""


def run():
    import numpy as np
    from sklearn.cluster import KMeans

    around = np.array([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0]])
    points = np.concatenate([around, around + 100.0])
    model = KMeans(n_clusters=2, n_init=10, random_state=0).fit(points)
    got = sorted(model.cluster_centers_.tolist())
    for center, expected in zip(got, [0.0, 100.0]):
        if not all(abs(value - expected) < 1e-8 for value in center):
            raise AssertionError("centres: got %r, expected (0, 0) and (100, 100)" % (got,))
    labels = model.labels_.tolist()
    if len(set(labels[:4])) != 1 or len(set(labels[4:])) != 1 or labels[0] == labels[4]:
        raise AssertionError("groups: got %r, expected four points in each" % (labels,))
