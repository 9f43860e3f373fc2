-- The objects of the schema $1, which must be first in `search_path`: kind, name and definition.
with relations as (
    select c.oid, c.relname, c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1
)
select 'table', relname::text, ''
from relations where relkind in ('r', 'p')
union all
select 'column', format('%I.%I', r.relname, a.attname),
    format_type(a.atttypid, a.atttypmod)
        || case when a.attnotnull then ' not null' else '' end
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        || case when a.attidentity <> '' then ' identity ' || a.attidentity::text else '' end
        || case when a.attgenerated <> '' then ' generated' else '' end
from relations r
join pg_attribute a on a.attrelid = r.oid
left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
where r.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
union all
-- From PostgreSQL 18 on, `not null` is a constraint too. It is part of the column here.
select 'constraint', format('%I.%I', r.relname, con.conname), pg_get_constraintdef(con.oid, true)
from relations r join pg_constraint con on con.conrelid = r.oid
where con.contype in ('c', 'p', 'u', 'f', 'x')
union all
select 'index', i.relname::text,
    pg_get_indexdef(x.indexrelid, 0, true) || case when x.indisvalid then '' else ' (not valid)' end
from relations r
join pg_index x on x.indrelid = r.oid
join pg_class i on i.oid = x.indexrelid
where not exists (select from pg_constraint con where con.conindid = x.indexrelid and con.conrelid = r.oid)
union all
select 'view', relname::text, pg_get_viewdef(oid, true)
from relations where relkind in ('v', 'm')
union all
select 'sequence', relname::text, format_type(s.seqtypid, null) || ' increment ' || s.seqincrement
from relations r join pg_sequence s on s.seqrelid = r.oid
union all
select 'trigger', format('%I.%I', r.relname, t.tgname), pg_get_triggerdef(t.oid, true)
from relations r join pg_trigger t on t.tgrelid = r.oid
where not t.tgisinternal
union all
select 'function', format('%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
    replace(pg_get_functiondef(p.oid), quote_ident($1) || '.', '')
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = $1 and p.prokind in ('f', 'p')
union all
select 'type', t.typname::text, string_agg(e.enumlabel, ', ' order by e.enumsortorder)
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
join pg_enum e on e.enumtypid = t.oid
where n.nspname = $1
group by t.typname
order by 1, 2
