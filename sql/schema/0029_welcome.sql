-- The password that a new user is to be told of by e-mail, until that is sent or is not it any more.
CREATE TABLE welcome (
    user_id    uuid        PRIMARY KEY REFERENCES "user" ON DELETE CASCADE,
    password   text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Makes what a browser keeps of a link's password: nobody can try passwords by making it themselves.
ALTER TABLE shared_link ADD COLUMN secret bytea NOT NULL
    DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
