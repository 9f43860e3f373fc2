//! `spindle:adapter` as wasmtime host functions.
//!
//! Each function does four things and no more: take the capability (which checks the grant),
//! convert the arguments, call, convert the answer. The capability is cloned out of the store
//! first, because the store must not be held while waiting.

mod dispatch;
mod documents;
mod health;
mod postgres;
pub mod variables;
mod vault;

use std::sync::Arc;

use wasmtime::component::{Accessor, HasData, Linker};

use crate::capabilities::Capabilities;

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "service",
        imports: { default: async },
    });
}

use generated::spindle::adapter as wit;

/// The tie between a store and its component's capabilities.
#[derive(Debug)]
pub struct Adapter;

impl HasData for Adapter {
    type Data<'a> = &'a Arc<Capabilities>;
}

/// Satisfies every import of `spindle:adapter`. `capabilities` finds them in the store's data.
///
/// # Errors
///
/// When the linker has one of the functions already.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    capabilities: fn(&mut T) -> &Arc<Capabilities>,
) -> wasmtime::Result<()> {
    wit::postgres::add_to_linker::<T, Adapter>(linker, capabilities)?;
    wit::documents::add_to_linker::<T, Adapter>(linker, capabilities)?;
    wit::dispatch::add_to_linker::<T, Adapter>(linker, capabilities)?;
    wit::passwords::add_to_linker::<T, Adapter>(linker, capabilities)?;
    wit::tokens::add_to_linker::<T, Adapter>(linker, capabilities)?;
    wit::envelopes::add_to_linker::<T, Adapter>(linker, capabilities)?;
    wit::health::add_to_linker::<T, Adapter>(linker, capabilities)
}

/// The component's capabilities, to be used while the store goes on.
fn capabilities<T: Send>(accessor: &Accessor<T, Adapter>) -> Arc<Capabilities> {
    accessor.with(|mut access| access.get().clone())
}
