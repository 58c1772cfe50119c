"""Looking into models: tables, graphs, traces."""
