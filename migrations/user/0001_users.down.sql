-- Deletes every account.
drop table users;
