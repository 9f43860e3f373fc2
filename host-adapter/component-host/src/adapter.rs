//! The functions of `spindle:adapter` as wasmtime host functions.

use std::sync::Arc;

use adapter_contract::{
    Adapter, dispatch, documents, envelopes, health, passwords, postgres, tokens,
};
use tracing::{Instrument as _, Span};
use wasmtime::component::{Accessor, Linker};

use crate::state::State;

/// Adds every function of the contract to `linker`.
///
/// # Errors
///
/// The linker already has one of the functions.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    /// Each entry clones the adapter out of the store, because a waiting call must not hold the store.
    macro_rules! entries {
        ($($interface:ident $qualified:literal {
            $($function:ident $name:literal $path:literal $span:literal
                ($($argument:ident: $type:ty),*) -> $result:ty;)*
        })*) => {$(
            let mut interface = linker.instance($qualified)?;
            $(interface.func_wrap_concurrent(
                $name,
                |accessor: &Accessor<State>, ($($argument,)*): ($($type,)*)| {
                    let (adapter, request) = caller(accessor);
                    Box::pin(async move {
                        let call = $interface::Functions::$function(&*adapter, $($argument),*);
                        Ok((call.instrument(request).await,))
                    })
                },
            )?;)*
        )*};
    }
    adapter_contract::functions!(entries);
    // The host knows the request of each call from the guest's task.
    let context = format!("spindle:adapter/context@{}", adapter_contract::VERSION);
    linker
        .instance(&context)?
        .func_wrap("enter", |_, (_, _): (String, String)| Ok((false,)))?;
    Ok(())
}

/// The adapter of the calling component, and the span of the request for which it calls.
fn caller(accessor: &Accessor<State>) -> (Arc<dyn Adapter>, Span) {
    accessor.with(|mut access| {
        let state = access.data_mut();
        let (adapter, requests) = (state.adapter().clone(), state.requests.clone());
        (adapter, requests.current(access))
    })
}
