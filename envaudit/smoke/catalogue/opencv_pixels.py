"""Resize and recolour single pixels whose result is known."""


def run():
    import cv2
    import numpy as np

    image = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    got = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).ravel().tolist()
    # 0.114 B + 0.587 G + 0.299 R, rounded
    if any(abs(one - other) > 1 for one, other in zip(got, [29, 150, 76, 255])):
        raise AssertionError("grey: got %r, expected [29, 150, 76, 255]" % (got,))
    got = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)[0, 0].tolist()
    if got != [0, 0, 255]:
        raise AssertionError("colours: got %r, expected [0, 0, 255]" % (got,))
    larger = cv2.resize(image[:, :, 0], (4, 4), interpolation=cv2.INTER_NEAREST)
    if larger.tolist() != [[255, 255, 0, 0], [255, 255, 0, 0], [0, 0, 255, 255], [0, 0, 255, 255]]:
        raise AssertionError("resized: got %r, expected each pixel four times" % (larger.tolist(),))
