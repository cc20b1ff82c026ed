-- Who is connected where. A process that stops beating has lost its people.
CREATE TABLE presence_processes (
    id uuid PRIMARY KEY,
    beat_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE presence (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    process_id uuid NOT NULL REFERENCES presence_processes ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('online', 'away')),
    PRIMARY KEY (user_id, process_id)
) WITH (fillfactor = 70);
CREATE INDEX presence_of_process ON presence (process_id);

CREATE TABLE last_active (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
