-- In production two accounts may have one e-mail address. Otherwise a registration would tell who has an
-- account. Outside of production, and for accounts that exist, an address stays with one account.
--
-- A program that does not know the column goes on: its users do not share. The table is locked while the index
-- is built, about a second for a million users.
alter table users add column shares_email boolean not null default false;
alter table users drop constraint users_email_key;
create unique index users_email_key on users (email) where not shares_email;
