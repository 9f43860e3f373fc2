//! `spindle:adapter` over the capabilities, one file an interface.
//!
//! Each function does four things and no more: take the capability (which checks the grant),
//! convert the arguments, call, convert the answer. It is reached in two ways, which therefore
//! cannot differ: as a wasmtime host function (`host_functions!`), and over HTTP (`server`). The
//! types are those that wasmtime generates from `wit/`; their JSON is the form that they have on
//! the wire, and adapter-client's generated types have the same.

pub(crate) mod dispatch;
pub(crate) mod documents;
pub(crate) mod envelopes;
pub(crate) mod health;
pub(crate) mod passwords;
pub(crate) mod postgres;
pub(crate) mod tokens;
pub mod variables;

use std::sync::Arc;

use wasmtime::component::{Accessor, HasData, Linker};

use crate::capabilities::Capabilities;

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "service",
        imports: { default: async },
        additional_derives: [serde::Serialize, serde::Deserialize],
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

/// Puts this module's functions where wasmtime looks for those of an interface. The capabilities
/// are cloned out of the store first, because it must not be held while waiting.
macro_rules! host_functions {
    ($interface:ident; $(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)+) => {
        impl $interface::Host for &std::sync::Arc<$crate::capabilities::Capabilities> {}

        impl<T: Send> $interface::HostWithStore<T> for $crate::bindings::Adapter {
            $(async fn $name(
                accessor: &wasmtime::component::Accessor<T, Self>,
                $($argument: $kind),*
            ) -> $result {
                self::$name(&$crate::bindings::capabilities(accessor), $($argument),*).await
            })+
        }
    };
}
use host_functions;

/// The component's capabilities, to be used while the store goes on.
fn capabilities<T: Send>(accessor: &Accessor<T, Adapter>) -> Arc<Capabilities> {
    accessor.with(|mut access| access.get().clone())
}
