"""Every figure that the documents quote: measured beside peers and ceilings, on one server, in one run."""
