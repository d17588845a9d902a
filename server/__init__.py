"""The Immich API over HTTP and sockets."""
