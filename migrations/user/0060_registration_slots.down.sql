drop table registration_slots;
