"""The run-time type check of the tests: beartype, with whole numbers accepted as floats.

That is what PEP 484 says and mypy does; beartype needs to be told.
"""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
