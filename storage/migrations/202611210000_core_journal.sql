-- What has happened, numbered per topic without gaps. The row in topics is locked from the moment a number is
-- taken until the commit, so no reader ever sees a number whose predecessor is still to come.
CREATE TABLE topics (
    topic text COLLATE "C" PRIMARY KEY,
    last_seq bigint NOT NULL CHECK (last_seq > 0)
) WITH (fillfactor = 70);

CREATE TABLE journal (
    topic text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    body json NOT NULL,            -- json, not jsonb: it is sent as it was written
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, seq)
);
-- Only to forget old entries: rows lie in the order of their time.
CREATE INDEX journal_at ON journal USING brin (at);

-- The first answer to a command that named a key, so that a retry gets it again.
CREATE TABLE idempotency (
    user_id uuid NOT NULL,
    action text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    answer json,                   -- null only inside the transaction that is making it
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, action, key)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);

-- Work that must happen, but not now. A claimed job is invisible until claimed_until, then anybody's again.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    body json NOT NULL,
    unique_key text UNIQUE,        -- at most one waiting job of this name
    run_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    failed_at timestamptz,         -- set when it is given up; kept for a person to see
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX jobs_due ON jobs (run_at) WHERE failed_at IS NULL;
