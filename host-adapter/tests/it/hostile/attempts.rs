//! What the component attempts, and a part of the answer that it must get.

/// What PostgreSQL says about what belongs to others.
const DENIED: &str = "permission denied";

/// What the adapter says about statements that change a session or a schema.
const REJECTED: &str = "a statement must begin with";

/// Statements.
pub(super) const STATEMENTS: [(&str, &str); 49] = [
    // The tables of others.
    ("table victim.items", DENIED),
    ("insert into victim.items values ('x')", DENIED),
    (
        "with gone as (delete from victim.items returning *) table gone",
        DENIED,
    ),
    (
        "select query_to_xml('table victim.items', true, true, '')::text",
        DENIED,
    ),
    (
        "select table_to_xml('victim.items', true, true, '')::text",
        DENIED,
    ),
    ("table documents.treasure", DENIED),
    ("table tokens.ended_sessions", DENIED),
    ("table spindle.migrations_victim", DENIED),
    ("table spindle.lock_provision", DENIED),
    ("select null::victim.items", DENIED),
    // Definitions, also in the own schema.
    ("create table t (id int)", REJECTED),
    (
        "create function f() returns int language sql as 'select 1'",
        REJECTED,
    ),
    ("select 1 as x into t", DENIED),
    ("select 1 as x into temporary t", DENIED),
    ("truncate items", REJECTED),
    ("select 1; drop table items", "Invalid"),
    ("select 1 -- \r; drop table items", "Invalid"),
    ("do $$ begin end $$", REJECTED),
    // Other roles.
    ("set role postgres", REJECTED),
    ("--\rset role postgres /*\nselect 1 */", REJECTED),
    ("reset session authorization", REJECTED),
    ("grant all on items to public", REJECTED),
    ("select set_config('role', 'postgres', false)", DENIED),
    (
        "select set_config('session_authorization', 'postgres', false)",
        DENIED,
    ),
    (
        "select query_to_xml('set role postgres', true, true, '')::text",
        "not allowed",
    ),
    ("select rolpassword from pg_authid", DENIED),
    ("select passwd from pg_shadow", DENIED),
    ("select umoptions::text from pg_user_mapping", DENIED),
    // Settings of the session that later calls share.
    ("select set_config('statement_timeout', '0', false)", DENIED),
    (
        "update pg_settings set setting = '1000000' where name = 'work_mem'",
        DENIED,
    ),
    // Files and programs of the server.
    ("select pg_read_file('/etc/passwd')", DENIED),
    ("select pg_read_binary_file('/etc/passwd')", DENIED),
    ("select pg_ls_dir('.')", DENIED),
    ("select lo_import('/etc/passwd')", DENIED),
    ("select lo_from_bytea(0, '\\x00')", DENIED),
    ("copy items to program 'id'", REJECTED),
    ("copy items from '/etc/passwd'", REJECTED),
    ("select current_setting('data_directory')", "Invalid"),
    ("select inet_server_addr()::text", DENIED),
    // The server as a whole.
    ("select pg_reload_conf()", DENIED),
    ("select pg_stat_reset()", DENIED),
    ("select pg_switch_wal()::text", DENIED),
    (
        "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user",
        "Invalid",
    ),
    (
        "select query from pg_stat_activity where usename <> current_user and query <> '<insufficient privilege>'",
        "rows: []",
    ),
    // So many locks that the server has no place for those of others.
    (
        "select pg_advisory_lock(n) from generate_series(1, 1000000) n",
        DENIED,
    ),
    (
        "select pg_try_advisory_xact_lock_shared(1, n) from generate_series(1, 1000000) n",
        DENIED,
    ),
    ("lock table items", REJECTED),
    // Announcements that adapters listen to.
    ("notify spindle_ended_sessions, 'x'", REJECTED),
    ("select pg_notify('spindle_ended_sessions', 'x')", DENIED),
];

/// Other functions of the adapter: the attempt, what it is given, and a part of the answer.
pub(super) const ATTEMPTS: [(&str, &str, &str); 25] = [
    ("find/treasure", "{}", "Denied"),
    ("count/treasure", "{}", "Denied"),
    ("insert/treasure", r#"{"_id": "x"}"#, "Denied"),
    ("update/treasure", r#"{"$set": {"a": 1}}"#, "Denied"),
    ("remove/treasure", "{}", "Denied"),
    ("find/victim.items", "{}", "Denied"),
    ("find/documents.loot", "{}", "Denied"),
    ("find/loot%22", "{}", "Denied"),
    ("find/loot", r#"{"$where": "1"}"#, "Invalid"),
    ("find/loot", r#"{"a": {"$function": {}}}"#, "Invalid"),
    ("find/loot", r#"{"a') or true --": 1}"#, "Ok([])"),
    ("update/loot", r#"{"$out": "treasure"}"#, "Invalid"),
    ("call/victim", "/sleep/0", "Denied"),
    ("call/127.0.0.1:9001", "/", "Denied"),
    ("call/hostile", "http://127.0.0.1:9001/", "Invalid"),
    ("message/victim", "/sleep/0", "Denied"),
    ("hash", "x", "Denied"),
    ("issue", "someone", "Denied"),
    ("end", "some session", "Denied"),
    ("verify", "x", "Denied"),
    ("subject/x", "insert into items values ('x')", "Denied"),
    ("store/x", r#"events {"_id":"x"}"#, "Denied"),
    ("open", "x", "Denied"),
    ("seal", "victim", "Denied"),
    ("seal", "client", "Denied"),
];

/// More than a component may have, where a limit of its own ends it. `LONG` stands for a text of a MiB, and `MANY` for
/// 51 statements.
pub(super) const TOO_MUCH: [(&str, &str, &str); 9] = [
    ("sql", "select true from pg_sleep(60)", "Timeout"),
    (
        "sql",
        "with recursive r (n) as (select 1 union all select n from r) select count(*) from r",
        "Timeout",
    ),
    (
        "sql",
        "insert into items select repeat('x', 1000) from generate_series(1, 1000000000)",
        "Timeout",
    ),
    ("sql", "select repeat('x', 2000000)", "TooLarge"),
    (
        "sql",
        "select n from generate_series(1, 2000) n",
        "TooLarge",
    ),
    ("sql", "select 'LONG'", "TooLarge"),
    ("transact", "MANY", "TooLarge"),
    ("insert/loot", r#"{"_id": "x", "a": "LONG"}"#, "TooLarge"),
    ("find/loot", "LONG", "Invalid"),
];
