"""What the comparison of layers with Keras shares."""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).parents[1]))  # the table of layers: `layers.table`
