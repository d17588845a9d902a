"""Named queries that write to the database; see sql/loader.py."""

from sql.loader import load_by_file

globals().update(load_by_file(__name__))
