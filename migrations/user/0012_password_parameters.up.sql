-- The parameters of argon2id, such as `m=19456,t=2,p=1`: a failed login costs one hash for each that any
-- account has, so that time does not tell which accounts exist (services/verify_password.rs).
--
-- The table is locked while the index is built, about a second for a million users.
create index users_password_parameters on users (split_part(password_hash, '$', 4));
