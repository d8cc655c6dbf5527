"""C++ names made readable; the expected texts are those of GNU c++filt, with ``std::string`` for its long form."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.linker.mangled import UnknownFormError, read_name
from envaudit.linker.names import readable, scope_prefixes, uses_old_string


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_ZN3foo3bazEi", "foo::baz(int)"),
        ("_Z3foov", "foo()"),
        ("_ZN3foo3DogC1ERKS0_", "foo::Dog::Dog(foo::Dog const&)"),
        ("_ZN3foo3DogD0Ev", "foo::Dog::~Dog()"),
        ("_ZNK3foo3Dog4nameEv", "foo::Dog::name() const"),
        ("_ZTVN3foo3DogE", "vtable for foo::Dog"),
        ("_ZTIN3foo3DogE", "typeinfo for foo::Dog"),
        (
            "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs",
            "c10::detail::torchCheckFail(char const*, char const*, unsigned int, std::string const&)",
        ),
        ("_ZN3c106IValue5toIntEv", "c10::IValue::toInt()"),
        ("_ZN2at6TensorixEl", "at::Tensor::operator[](long)"),
        (
            "_ZN5torch8getValueERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
            "torch::getValue(std::string const&)",
        ),
        (
            "_ZNK5torch3jit6MethodclESt6vectorIN3c106IValueESaIS4_EE",
            "torch::jit::Method::operator()(std::vector<c10::IValue, std::allocator<c10::IValue> >) const",
        ),
        ("_Z3maxIiET_S0_S0_", "int max<int>(int, int)"),
        (
            "_ZN5arrow2py8internal14CIntFromPythonIaEENS_6StatusEP7_objectPT_",
            "arrow::Status arrow::py::internal::CIntFromPython<signed char>(_object*, signed char*)",
        ),
        ("_ZSt4cout", "std::cout"),
        ("_ZN3FooILb1EE3barEv", "Foo<true>::bar()"),
        ("cblas_dgemm", "cblas_dgemm"),
        # Beyond what is read: shown as it is, never guessed.
        ("_ZZ3foovENKUlvE_clEv", "_ZZ3foovENKUlvE_clEv"),
        ("_Z1fIJidEEvDpT_", "_Z1fIJidEEvDpT_"),
        ("_Z", "_Z"),
        ("_Z99x", "_Z99x"),
        ("_ZN", "_ZN"),
    ],
)
def test_readable(name: str, expected: str) -> None:
    assert readable(name) == expected


def test_very_long_names_are_cut() -> None:
    assert len(readable("_ZN" + "9abcdefghi" * 60 + "Ev")) == 200
    assert readable("_Z" + "P" * 4000 + "i") == ("_Z" + "P" * 4000)[:197] + "..."


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("_ZN3c106detail14torchCheckFailEPKcS2_jRKSs", True),
        ("_ZN3c106ivalue14ConstantString6createESs", True),
        ("_ZN3foo3bazERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", False),
        ("_ZN3foo6ClassS3SsgEv", False),
        ("_ZN3foo5PressEv", False),
        ("SSL_new", False),
    ],
)
def test_the_old_string_is_noticed(name: str, old: bool) -> None:
    assert uses_old_string(name) is old


@pytest.mark.parametrize(
    ("name", "prefixes"),
    [
        (b"_ZN3foo3DogC1Ev", [b"_ZN3foo3Dog", b"_ZNK3foo3Dog", b"_ZN3foo", b"_ZNK3foo"]),
        (b"_ZNK3foo3bazEi", [b"_ZN3foo", b"_ZNK3foo"]),
        (b"_ZTVN3foo3DogE", [b"_ZN3foo", b"_ZNK3foo"]),
        (b"_Z3fooi", []),
        (b"cblas_dgemm", [b"cblas_"]),
        (b"__gsl_thing_x", [b"__gsl_"]),
        (b"plain", []),
    ],
)
def test_names_of_one_scope_begin_alike(name: bytes, prefixes: list[bytes]) -> None:
    assert list(scope_prefixes(name)) == prefixes


@given(st.text(alphabet="ZNIESTRKPC0123DvilcJLX_t", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UnknownFormError):
        read_name("_Z" + text)
    assert isinstance(readable("_Z" + text), str)
    assert all(re.match(rb"_Z|\w", prefix) for prefix in scope_prefixes(("_Z" + text).encode()))
