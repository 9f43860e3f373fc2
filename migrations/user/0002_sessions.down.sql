-- Forgets who is logged in where; tokens stay good until they expire.
drop table sessions;
