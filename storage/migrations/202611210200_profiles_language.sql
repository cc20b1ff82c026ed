-- A language is named by its code. Which there are is the program's to say, so another one needs no migration.
ALTER TABLE users ADD CONSTRAINT users_language_is_a_code CHECK (language ~ '^[a-z]{2,3}$');
