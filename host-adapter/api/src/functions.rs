//! Calls a function by its path, with arguments and result as JSON.

use adapter_contract::{
    Adapter, dispatch, documents, envelopes, health, passwords, postgres, tokens,
};
use serde::{Serialize, de::DeserializeOwned};

use super::rejection::Rejection;

/// Calls `function`, such as `postgres/fetch`, with `arguments`, a JSON array.
pub(super) async fn call(
    function: &str,
    adapter: &dyn Adapter,
    arguments: &[u8],
) -> Result<Vec<u8>, Rejection> {
    macro_rules! table {
        ($($interface:ident $qualified:literal {
            $($function:ident $name:literal $path:literal $span:literal
                ($($argument:ident: $type:ty),*) -> $result:ty;)*
        })*) => {
            match function {
                $($($path => {
                    let ($($argument,)*) = parse_arguments(arguments)?;
                    serialize_result(&$interface::Functions::$function(adapter, $($argument),*).await)
                })*)*
                _ => Err(Rejection::Function),
            }
        };
    }
    adapter_contract::functions!(table)
}

/// The error has only the position. serde's message would repeat the input, which may be a password,
/// and the message is logged.
pub(super) fn parse_arguments<T: DeserializeOwned>(arguments: &[u8]) -> Result<T, Rejection> {
    serde_json::from_slice(arguments).map_err(|error| {
        let problem = if error.is_data() {
            "they are not of the function's types"
        } else {
            "they are not JSON"
        };
        let (line, column) = (error.line(), error.column());
        Rejection::Unreadable(format!("{problem}, at line {line}, column {column}"))
    })
}

fn serialize_result<T: Serialize>(result: &T) -> Result<Vec<u8>, Rejection> {
    serde_json::to_vec(result).map_err(|error| Rejection::Unwritable(error.to_string()))
}
