//! The functions of `spindle:adapter` as wasmtime host functions.

use std::sync::Arc;

use adapter_contract::{
    Adapter, dispatch, documents, envelopes, health, passwords, postgres, tokens,
};
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
                    let adapter = adapter(accessor);
                    Box::pin(async move {
                        let call = $interface::Functions::$function(&*adapter, $($argument),*);
                        Ok((call.await,))
                    })
                },
            )?;)*
        )*};
    }
    adapter_contract::functions!(entries);
    Ok(())
}

fn adapter(accessor: &Accessor<State>) -> Arc<dyn Adapter> {
    accessor.with(|mut access| access.data_mut().adapter().clone())
}
