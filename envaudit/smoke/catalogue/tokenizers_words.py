"""Split a text by a vocabulary of five words."""


def run():
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "the": 1, "cat": 2, "sat": 3, ".": 4}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    got = tokenizer.encode("the cat sat there.").ids
    if got != [1, 2, 3, 0, 4]:
        raise AssertionError("got %r, expected [1, 2, 3, 0, 4]" % (got,))
