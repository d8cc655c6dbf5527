"""Write a model's weights into memory and read them again."""


def run():
    import io

    import torch

    model = torch.nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(torch.arange(6.0).reshape(2, 3))
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    got = torch.load(file)["weight"].tolist()
    if got != [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]:
        raise AssertionError("got %r, expected [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]" % (got,))
