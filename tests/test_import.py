"""`import highlevel` is light: it loads no backend and none of the heavy libraries."""

import subprocess
import sys

HEAVY = {"jax", "jaxlib", "h5py", "rich", "sklearn", "pandas", "scipy", "ml_dtypes", "numpy"}


def loaded_by(statement):
    code = (
        f"import sys; before = set(sys.modules); {statement}; "
        "print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_importing_loads_no_heavy_library():
    modules = loaded_by("import highlevel")
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert len(modules) < 40, modules


def test_building_a_class_namespace_loads_no_backend():
    modules = loaded_by("import highlevel; highlevel.layers.Dense; highlevel.Sequential")
    assert not {"jax", "h5py", "rich"} & set(modules)


def test_names_complete_in_editors():
    import highlevel as hl

    assert {"Sequential", "Model", "layers", "ops", "use_backend"} <= set(dir(hl))
    assert {"Dense", "Conv2D", "LSTM"} <= set(dir(hl.layers))


def test_a_misspelt_name_is_answered_with_the_likely_one():
    import pytest

    import highlevel as hl

    with pytest.raises(AttributeError, match=r"no attribute 'Sequental'.*Did you mean 'Sequential'"):
        hl.Sequental  # noqa: B018
