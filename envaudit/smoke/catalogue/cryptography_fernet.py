"""Encrypt and decrypt, and a digest that is published."""


def run():
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives import hashes

    secret = Fernet(Fernet.generate_key())
    got = secret.decrypt(secret.encrypt(b"there"))
    if got != b"there":
        raise AssertionError("got %r, expected b'there'" % (got,))
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"abc")
    got = "".join("%02x" % byte for byte in bytearray(digest.finalize()))
    if got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad":
        raise AssertionError("SHA-256 of 'abc': got %r, expected ba7816bf..." % (got,))
