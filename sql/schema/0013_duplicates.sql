-- It was once in a group for having the same bytes as others: if a person said they are none, they
-- are not asked again.
ALTER TABLE asset ADD is_compared boolean NOT NULL DEFAULT false;
