-- Unread messages are not counted one by one: of a conversation's numbers after the reader's mark, its few notes
-- and the reader's own texts are taken away.
CREATE INDEX messages_notes ON messages (conversation_id, seq) WHERE kind = 'note';
CREATE INDEX messages_of_sender ON messages (conversation_id, sender_id, seq) WHERE kind = 'text';
