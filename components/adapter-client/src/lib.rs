//! `spindle:adapter` for hosts that do not provide it, such as stock Spin.
//!
//! Spin composes this component into a service (`[component.X.dependencies]`), where it replaces the
//! embedded host's functions. Each call goes to `host-adapter serve`, and the answer becomes the result of
//! the call: over TCP connections that are kept (`sockets`), or over HTTPS (`web`) to an adapter on another
//! machine. This component makes no decisions: the adapter identifies the service by its token and applies the
//! grants.
//!
//! `adapter-contract` generates the list of functions and the version from `wit/`, so a new function
//! needs no code here.

#[cfg(target_family = "wasm")]
mod allocator;
mod exchange;
mod failure;
mod functions;
mod request;
mod settings;
mod sockets;
mod web;

pub use functions::Client;

/// The interfaces. Their types have the same form on the wire as the adapter's.
#[cfg_attr(
    target_family = "wasm",
    expect(unsafe_code, reason = "generated: the exports of a component")
)]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "client",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        additional_derives: [serde::Serialize, serde::Deserialize],
        with: { "wasi:http/types@0.3.0": spin_sdk::wasip3::http::types },
        generate_all,
    });
    #[cfg(target_family = "wasm")]
    export!(Client with_types_in self);
    #[cfg(target_family = "wasm")]
    use super::Client;
}
