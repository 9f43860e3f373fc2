-- The index key of a value. Keys, compared by bytes, are in MongoDB's order of values, and two values
-- are equal if their keys are equal. The keys of long texts, objects and arrays support equality only.
-- Function names end in a version, because an existing index keeps the keys of the old definition.
create or replace function spindle_key_1(v jsonb) returns text
language plpgsql immutable parallel safe as $$
declare
    kind text := jsonb_typeof(v);
    content text;
    number numeric;
begin
    case
        when kind is null or kind = 'null' then
            return '1';
        when kind = 'string' then
            content := v #>> '{}';
            if octet_length(content) <= 200 then
                return '3' || content;
            end if;
            return '3' || left(content, 40) || encode(sha256(convert_to(content, 'UTF8')), 'hex');
        when kind = 'object' and v ? '$date' then
            return '7' || (v ->> '$date');
        when kind = 'number' then
            -- The bits of a double, changed to sort in the order of the numbers.
            number := v::numeric;
            content := encode(float8send(number::float8), 'hex');
            if number < 0 then
                content := translate(content, '0123456789abcdef', 'fedcba9876543210');
            else
                content := translate(left(content, 1), '01234567', '89abcdef') || substr(content, 2);
            end if;
            -- In this range several integers share a double: append the distance from it.
            if abs(number) between 9e15 and 1e19 then
                content := content || to_char(number - number::float8::numeric + 100000, 'FM000000');
            end if;
            return '2' || content;
        when kind = 'boolean' then
            return '6' || v::boolean::int;
        else
            return case kind when 'object' then '4' else '5' end
                || encode(sha256(convert_to(v::text, 'UTF8')), 'hex');
    end case;
end
$$;

-- Whether the key of the field determines equality and order: the path does not contain an array, and
-- the value is not an array, an object other than a date, or a long text.
--
-- PostgreSQL expects that a function is false for two thirds of the rows, and so would test each document of a
-- large collection instead of using the index on the few for which this one is false. The cost prevents that.
create or replace function spindle_plain_1(body jsonb, path text[]) returns boolean
language plpgsql immutable parallel safe cost 10000 as $$
declare
    v jsonb := body;
begin
    for i in 1 .. cardinality(path) loop
        v := v -> path[i];
        if jsonb_typeof(v) = 'array' then
            return false;
        end if;
    end loop;
    return case jsonb_typeof(v)
        when 'object' then v ? '$date'
        when 'string' then octet_length(v #>> '{}') <= 200
        else true
    end;
end
$$;
