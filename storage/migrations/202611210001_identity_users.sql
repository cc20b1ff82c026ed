-- A person. identity writes the first block, profiles the second.
CREATE TABLE users (
    id uuid PRIMARY KEY,
    handle text COLLATE "C" NOT NULL UNIQUE CHECK (handle ~ '^[a-z][a-z0-9_.]{2,29}$'),
    email text COLLATE "C" NOT NULL UNIQUE CHECK (email = lower(email)),
    password_hash text NOT NULL,
    role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'creator', 'moderator', 'admin')),
    created_at timestamptz NOT NULL DEFAULT now(),

    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 80),
    bio text NOT NULL DEFAULT '' CHECK (char_length(bio) <= 500),
    location text NOT NULL DEFAULT '' CHECK (char_length(location) <= 100),
    website text NOT NULL DEFAULT '' CHECK (char_length(website) <= 200),
    messages_from text NOT NULL DEFAULT 'everyone' CHECK (messages_from IN ('everyone', 'friends')),
    presence_to text NOT NULL DEFAULT 'contacts' CHECK (presence_to IN ('contacts', 'friends', 'nobody')),
    profile_visibility text NOT NULL DEFAULT 'public'
        CHECK (profile_visibility IN ('public', 'friends', 'private')),
    theme text NOT NULL DEFAULT 'system' CHECK (theme IN ('system', 'light', 'dark')),
    language text NOT NULL DEFAULT 'en',
    -- People are found by the beginning of their handle or of any word of their name.
    words tsvector NOT NULL GENERATED ALWAYS AS
        (to_tsvector('simple', translate(handle, '_.', '  ') || ' ' || translate(name, '_.-@/', '     '))) STORED
);
CREATE INDEX users_words ON users USING gin (words);

-- A sign-in on one device. Refresh tokens are derived from (id, generation), so none is stored.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device text NOT NULL,
    address text NOT NULL,
    generation integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_expires_at ON sessions (expires_at);
