"""Files that are damaged, and what may become of them."""
