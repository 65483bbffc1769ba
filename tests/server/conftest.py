import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOY_SITES = Path(__file__).with_name("toy_sites.py")


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """The module ``toy_sites``, which pytest's import mode keeps off the path."""
    spec = importlib.util.spec_from_file_location("toy_sites", TOY_SITES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["toy_sites"] = module
    spec.loader.exec_module(module)
    return module
