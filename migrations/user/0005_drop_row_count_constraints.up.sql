-- These constraints only told the service that a statement had found no row to change. The service
-- now says how many rows a statement must affect, and branches on that.
--
-- Dropping them in the same release as the code that no longer needs them is safe, because no
-- version that needs them has been released.
alter table sessions alter column user_id set not null;
alter table sessions drop constraint sessions_user_known;
alter table users drop constraint users_password_hash_form;
