-- Up to which day a user's memories were made: none is made twice, whoever restarts.
CREATE TABLE memory_progress (
    owner_id uuid PRIMARY KEY REFERENCES "user" ON DELETE CASCADE,
    upto     date NOT NULL
);
CREATE INDEX ON memory (created_at) WHERE NOT is_saved;
