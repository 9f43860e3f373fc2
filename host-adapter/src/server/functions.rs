//! The functions by their paths. Arguments and results are JSON.

use serde::{Serialize, de::DeserializeOwned};

use super::refusal::Refusal;
use crate::{
    bindings::{dispatch, documents, envelopes, health, passwords, postgres, tokens},
    capabilities::Capabilities,
};

/// Calls `function`, such as `postgres/fetch`, with `arguments`, a JSON array.
pub(super) async fn call(
    function: &str,
    capabilities: &Capabilities,
    arguments: &[u8],
) -> Result<Vec<u8>, Refusal> {
    /// Arguments and their types are those of the function in `bindings`.
    macro_rules! call {
        ($interface:ident::$name:ident($($argument:ident),*)) => {{
            let ($($argument,)*) = read(arguments)?;
            write(&$interface::$name(capabilities, $($argument),*).await)
        }};
    }
    match function {
        "postgres/fetch" => call!(postgres::fetch(sql, params)),
        "postgres/execute" => call!(postgres::execute(sql, params)),
        "postgres/transact" => call!(postgres::transact(statements, messages)),
        "documents/insert" => call!(documents::insert(collection, documents)),
        "documents/find" => call!(documents::find(collection, query)),
        "documents/count" => call!(documents::count(collection, filter)),
        "documents/count-by" => call!(documents::count_by(collection, field, filter)),
        "documents/count-distinct" => call!(documents::count_distinct(collection, field, filter)),
        "documents/update" => call!(documents::update(collection, filter, update)),
        "documents/remove" => call!(documents::remove(collection, filter)),
        "dispatch/call" => call!(dispatch::call(request)),
        "passwords/hash" => call!(passwords::hash(password)),
        "passwords/verify" => call!(passwords::verify(password, hash)),
        "tokens/issue" => call!(tokens::issue(subject, session)),
        "tokens/end" => call!(tokens::end(sessions)),
        "tokens/verify" => call!(tokens::verify(token)),
        "tokens/public-keys" => call!(tokens::public_keys()),
        "envelopes/open" => call!(envelopes::open(envelope, target)),
        "envelopes/seal" => call!(envelopes::seal(payload, audience, target, in_reply_to)),
        "health/dependencies" => call!(health::dependencies()),
        _ => Err(Refusal::Function),
    }
}

/// serde's own words would repeat what was sent, which may be a password, and they are logged.
fn read<T: DeserializeOwned>(arguments: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(arguments).map_err(|error| {
        let what = if error.is_data() {
            "not what the function takes"
        } else {
            "not JSON"
        };
        let (line, column) = (error.line(), error.column());
        Refusal::Unreadable(format!("{what}, at line {line}, column {column}"))
    })
}

fn write<T: Serialize>(result: &T) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(result).map_err(|error| Refusal::Unwritable(error.to_string()))
}
