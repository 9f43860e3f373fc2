-- Fails if two accounts have one e-mail address.
drop index users_email_key;
alter table users add constraint users_email_key unique (email);
alter table users drop column shares_email;
