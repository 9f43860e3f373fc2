-- Deletes all notes.
drop table notes;
