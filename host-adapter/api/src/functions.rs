//! Calls a function by its path, with arguments and result in one of the forms of the wire.

use adapter_contract::{
    Adapter, dispatch, documents, envelopes, health, passwords, postgres, subject_documents,
    subject_queries, tokens,
};
use adapter_wire::{Format, Malformed};
use serde::de::DeserializeOwned;

use super::rejection::Rejection;

/// Calls `function`, such as `postgres/fetch`, with `arguments`, a tuple. Appends the result to `answer`.
pub(super) async fn call(
    function: &str,
    adapter: &dyn Adapter,
    format: Format,
    arguments: &[u8],
    answer: Vec<u8>,
) -> Result<Vec<u8>, Rejection> {
    macro_rules! table {
        ($($interface:ident $qualified:literal {
            $($function:ident $name:literal $path:literal $span:literal
                ($($argument:ident: $type:ty),*) -> $result:ty;)*
        })*) => {
            match function {
                $($($path => {
                    let ($($argument,)*) = parse_arguments(format, arguments)?;
                    let result = $interface::Functions::$function(adapter, $($argument),*).await;
                    format.encode(&result, answer).map_err(unwritable)
                })*)*
                _ => Err(Rejection::Function),
            }
        };
    }
    adapter_contract::functions!(table)
}

/// The error does not repeat the arguments, which may be a password.
pub(super) fn parse_arguments<T: DeserializeOwned>(
    format: Format,
    arguments: &[u8],
) -> Result<T, Rejection> {
    let arguments = format.decode(arguments);
    arguments.map_err(|error: Malformed| Rejection::Unreadable(error.to_string()))
}

fn unwritable(error: Malformed) -> Rejection {
    Rejection::Unwritable(error.to_string())
}
