-- Old entries are forgotten by their time. Rows do not lie in that order once some have been forgotten, so a
-- summary of blocks finds nothing and reads everything.
DROP INDEX journal_at;
CREATE INDEX journal_at ON journal (at);
