//! The functions by their paths. Arguments and results are JSON.

use adapter_contract::{
    Adapter, dispatch, documents, envelopes, health, passwords, postgres, tokens,
};
use serde::{Serialize, de::DeserializeOwned};

use super::refusal::Refusal;

/// Calls `function`, such as `postgres/fetch`, with `arguments`, a JSON array.
pub(super) async fn call(
    function: &str,
    adapter: &dyn Adapter,
    arguments: &[u8],
) -> Result<Vec<u8>, Refusal> {
    macro_rules! table {
        ($($interface:ident $qualified:literal {
            $($function:ident $name:literal $path:literal $span:literal
                ($($argument:ident: $type:ty),*) -> $result:ty;)*
        })*) => {
            match function {
                $($($path => {
                    let ($($argument,)*) = read(arguments)?;
                    write(&$interface::Functions::$function(adapter, $($argument),*).await)
                })*)*
                _ => Err(Refusal::Function),
            }
        };
    }
    adapter_contract::functions!(table)
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
