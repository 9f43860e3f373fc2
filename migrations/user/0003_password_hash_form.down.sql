alter table users drop constraint users_password_hash_form;
