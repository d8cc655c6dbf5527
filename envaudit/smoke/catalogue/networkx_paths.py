"""Shortest ways and parts of a small graph."""


def run():
    import networkx as nx

    graph = nx.Graph()
    graph.add_weighted_edges_from([("a", "b", 1.0), ("b", "c", 2.0), ("a", "c", 5.0), ("x", "y", 1.0)])
    got = (nx.dijkstra_path(graph, "a", "c"), nx.number_connected_components(graph))
    if got != (["a", "b", "c"], 2):
        raise AssertionError("got %r, expected (['a', 'b', 'c'], 2)" % (got,))
