"""What examples in docstrings and documents begin with."""

import pytest


@pytest.fixture(autouse=True)
def names_counted_from_0(request):
    """An example prints automatic names as a reader who runs it alone sees them."""
    if isinstance(request.node, pytest.DoctestItem):
        from highlevel.naming import reset_names

        reset_names()
