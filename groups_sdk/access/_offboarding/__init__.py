"""People, out of every group: their removal, and what remains of them."""
