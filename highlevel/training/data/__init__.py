"""From what users have to batches."""
