"""Principal components and a separating plane of points on a line."""


def run():
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.svm import SVC

    steps = np.arange(-5.0, 6.0)
    points = np.stack([3.0 * steps, 4.0 * steps], axis=1)
    model = PCA(n_components=2).fit(points)
    got = [abs(float(value)) for value in model.components_[0]]
    if not (abs(got[0] - 0.6) < 1e-9 and abs(got[1] - 0.8) < 1e-9):
        raise AssertionError("component: got %r, expected [0.6, 0.8]" % (got,))
    got = float(model.explained_variance_ratio_[0])
    if not abs(got - 1.0) < 1e-9:
        raise AssertionError("share of the variance: got %r, expected 1.0" % (got,))
    got = SVC(kernel="linear").fit(points, (steps > 0.5).astype(int)).predict([[-9.0, -12.0], [9.0, 12.0]]).tolist()
    if got != [0, 1]:
        raise AssertionError("classes: got %r, expected [0, 1]" % (got,))
