-- Logging in through an OpenID provider.

-- One account of the provider is one user here; whoever has none has ''.
CREATE UNIQUE INDEX user_oauth ON "user" (oauth_id) WHERE oauth_id <> '';

-- Sessions that the provider may end.
ALTER TABLE session
    ADD COLUMN oauth_sub      text,  -- who it is to the provider
    ADD COLUMN oauth_sid      text,  -- the provider's own session
    ADD COLUMN oauth_id_token text;  -- so that a logout there asks nobody who it is
CREATE INDEX session_oauth_sub ON session (oauth_sub) WHERE oauth_sub IS NOT NULL;
CREATE INDEX session_oauth_sid ON session (oauth_sid) WHERE oauth_sid IS NOT NULL;

-- Who was sent to the provider and is not back yet.
CREATE TABLE oauth_attempt (
    state_hash     bytea       PRIMARY KEY,  -- SHA-256
    nonce          text        NOT NULL,
    code_challenge text        NOT NULL,
    redirect_uri   text        NOT NULL,
    expires_at     timestamptz NOT NULL
);
CREATE INDEX ON oauth_attempt (expires_at);

-- Logout tokens that were followed already, as long as they would be believed.
CREATE TABLE oauth_logout (
    token_hash bytea       PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
