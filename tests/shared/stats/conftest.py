"""Property tests of the statistics: fewer draws, and no stopwatch on a busy machine."""

from hypothesis import settings

settings.register_profile("statistics", deadline=None, max_examples=40)
settings.load_profile("statistics")
