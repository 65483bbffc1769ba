"""Every example in the statistics docstrings runs and prints what it says."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import shared.stats

MODULES = sorted(info.name for info in pkgutil.iter_modules(shared.stats.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_module_print_what_they_say(name: str) -> None:
    module = importlib.import_module(f"shared.stats.{name}")
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_carries_an_example(name: str) -> None:
    module = importlib.import_module(f"shared.stats.{name}")
    functions = [
        function
        for function_name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not function_name.startswith("_")
    ]
    assert functions
    without = [f.__name__ for f in functions if ">>> " not in inspect.cleandoc(f.__doc__ or "")]
    assert without == []
