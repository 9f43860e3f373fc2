-- What a registration with an `Idempotency-Key` locks while it is written: the row of its key's hash. A component
-- cannot take advisory locks, because it could take so many that nobody else can work.
create table registration_slots (
    number integer constraint registration_slots_pkey primary key
);

insert into registration_slots select generate_series(0, 1023);
