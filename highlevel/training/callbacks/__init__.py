"""The callbacks; their public names are in `highlevel.callbacks`."""
