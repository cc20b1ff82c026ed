-- Friendship is symmetric: both rows, or none.
CREATE TABLE friends (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    friend_id uuid NOT NULL REFERENCES users ON DELETE CASCADE CHECK (friend_id <> user_id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, friend_id)
);

CREATE TABLE friend_requests (
    from_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    to_id uuid NOT NULL REFERENCES users ON DELETE CASCADE CHECK (to_id <> from_id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (from_id, to_id)
);
CREATE INDEX friend_requests_to ON friend_requests (to_id, created_at);
-- One request between two people, whoever asked.
CREATE UNIQUE INDEX friend_requests_pair
    ON friend_requests (least(from_id, to_id), greatest(from_id, to_id));

CREATE TABLE blocks (
    blocker_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    blocked_id uuid NOT NULL REFERENCES users ON DELETE CASCADE CHECK (blocked_id <> blocker_id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (blocker_id, blocked_id)
);
CREATE INDEX blocks_blocked ON blocks (blocked_id, blocker_id);
