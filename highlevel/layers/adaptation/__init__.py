"""Changes to layers that exist: what cuts across the families and is not a layer itself."""
