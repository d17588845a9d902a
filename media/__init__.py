"""What files hold: renditions, metadata, and the worker that makes them."""
