"""Multiply and differentiate small tensors."""


def run():
    import torch

    product = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).matmul(torch.tensor([[5.0, 6.0], [7.0, 8.0]])).tolist()
    if product != [[19.0, 22.0], [43.0, 50.0]]:
        raise AssertionError("got %r, expected [[19.0, 22.0], [43.0, 50.0]]" % (product,))
    x = torch.tensor([3.0], requires_grad=True)
    (x * x).sum().backward()
    got = x.grad.tolist()
    if got != [6.0]:
        raise AssertionError("derivative: got %r, expected [6.0]" % (got,))
