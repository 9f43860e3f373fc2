-- Positions order documents by the transactions that stored them. Another cluster counts transactions anew,
-- for example after a dump was restored there, so each cluster that has held the data gets an epoch of its
-- own, and all positions of an epoch are above those of the one before.
do $$
begin
    -- `if not exists` would log a notice at every start.
    if to_regclass('spindle_positions') is null then
        create table spindle_positions (epoch bigint primary key, cluster text not null);
    end if;
end
$$;

insert into spindle_positions (epoch, cluster)
select coalesce((select max(epoch) from spindle_positions), 0) + 1, control.system_identifier::text
from pg_control_system() as control
where control.system_identifier::text is distinct from
    (select cluster from spindle_positions order by epoch desc limit 1);
