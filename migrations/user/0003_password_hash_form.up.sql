-- Nothing but a hash gets into this column. A change of password that finds another hash than the one
-- it checked writes nothing here on purpose: the service branches on this name.
alter table users add constraint users_password_hash_form check (password_hash like '$argon2id$%');
