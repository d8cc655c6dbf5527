"""A convolution with known weights, and one step of learning."""


def run():
    import torch

    layer = torch.nn.Conv2d(1, 1, 2, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    got = layer(torch.arange(9.0).reshape(1, 1, 3, 3)).reshape(-1).tolist()
    if got != [8.0, 12.0, 20.0, 24.0]:
        raise AssertionError("convolution: got %r, expected [8.0, 12.0, 20.0, 24.0]" % (got,))
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    ((weight * 2.0 - 6.0) ** 2).sum().backward()
    optimizer.step()
    got = float(weight[0])
    if not abs(got - 2.6) < 1e-6:
        raise AssertionError("weight after one step: got %r, expected 2.6" % (got,))
