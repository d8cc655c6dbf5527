"""Find the boxes that touch another one."""


def run():
    from rtree import index

    tree = index.Index()
    for number in range(10):
        tree.insert(number, (number, number, number + 0.5, number + 0.5))
    got = sorted(tree.intersection((2.2, 2.2, 4.1, 4.1)))
    if got != [2, 3, 4]:
        raise AssertionError("got %r, expected [2, 3, 4]" % (got,))
