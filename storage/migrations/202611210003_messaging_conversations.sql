CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('direct', 'group')),
    name text CHECK (char_length(name) BETWEEN 1 AND 100),
    created_by uuid NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seq bigint NOT NULL DEFAULT 0,        -- of its messages; moved only under this row's lock
    last_activity_at timestamptz NOT NULL DEFAULT now(),
    -- The two of a direct conversation, in order, so that there is only one of it.
    direct_low uuid REFERENCES users,
    direct_high uuid REFERENCES users,
    CHECK ((kind = 'direct') = (direct_low IS NOT NULL AND direct_high IS NOT NULL)),
    CHECK ((kind = 'group') = (name IS NOT NULL)),
    CHECK (direct_low < direct_high),
    UNIQUE (direct_low, direct_high)
) WITH (fillfactor = 60);

CREATE TABLE members (
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role text NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'member')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    joined_seq bigint NOT NULL DEFAULT 0,      -- messages up to here are not theirs to read
    from_topic_seq bigint NOT NULL DEFAULT 0,  -- nor journal entries up to here
    read_seq bigint NOT NULL DEFAULT 0,
    read_at timestamptz,
    delivered_seq bigint NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    PRIMARY KEY (conversation_id, user_id),
    CHECK (delivered_seq >= read_seq)
) WITH (fillfactor = 70);
CREATE INDEX members_of_user ON members (user_id, conversation_id);

CREATE TABLE messages (
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq bigint NOT NULL CHECK (seq > 0),
    id uuid NOT NULL UNIQUE,
    sender_id uuid NOT NULL REFERENCES users,
    client_id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'note')),
    text text NOT NULL CHECK (char_length(text) <= 4000),
    note json,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, seq),
    CHECK ((kind = 'note') = (note IS NOT NULL))
);
-- A sender's client id names one message, in whichever conversation, for ever.
CREATE UNIQUE INDEX messages_once ON messages (sender_id, client_id);
