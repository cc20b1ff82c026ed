-- What the peers store: the messages of direct conversations, numbered and once each.
CREATE TABLE users (id uuid PRIMARY KEY);

CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    one_id uuid NOT NULL REFERENCES users,
    other_id uuid NOT NULL REFERENCES users,
    last_seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 60);

CREATE TABLE members (
    conversation_id uuid NOT NULL REFERENCES conversations,
    user_id uuid NOT NULL REFERENCES users,
    PRIMARY KEY (conversation_id, user_id)
);

CREATE TABLE messages (
    conversation_id uuid NOT NULL REFERENCES conversations,
    seq bigint NOT NULL,
    id uuid NOT NULL UNIQUE,
    sender_id uuid NOT NULL REFERENCES users,
    client_id uuid NOT NULL,
    text text NOT NULL CHECK (char_length(text) <= 4000),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, seq)
);
CREATE UNIQUE INDEX messages_once ON messages (sender_id, client_id);
