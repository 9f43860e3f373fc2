drop table registration_keys;
