"""Trees that learn a rule which they can express exactly."""


def run():
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    points = np.array([[float(x), float(y)] for x in range(10) for y in range(10)])
    classes = (points[:, 0] > 4.5).astype(int)
    got = DecisionTreeClassifier(random_state=0).fit(points, classes).predict([[2.0, 9.0], [7.0, 1.0]]).tolist()
    if got != [0, 1]:
        raise AssertionError("tree: got %r, expected [0, 1]" % (got,))
    forest = RandomForestClassifier(n_estimators=10, random_state=0).fit(points, classes)
    got = forest.predict([[1.0, 5.0], [9.0, 5.0]]).tolist()
    if got != [0, 1]:
        raise AssertionError("forest: got %r, expected [0, 1]" % (got,))
