alter table users add constraint users_password_hash_form check (password_hash like '$argon2id$%');
alter table sessions add constraint sessions_user_known check (user_id is not null);
alter table sessions alter column user_id drop not null;
