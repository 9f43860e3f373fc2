//! `spindle:adapter` for hosts that do not offer it, such as stock Spin.
//!
//! Spin composes this component into a service (`[component.X.dependencies]`), where it takes the
//! place of the embedded host's functions: each call becomes one HTTP request to
//! `host-adapter serve`, and its answer the call's result. Nothing is decided here. What a service
//! may do, the adapter knows by the token that is sent along.
//!
//! A function that is added to `wit/` needs a line in `functions` here and one in host-adapter's
//! `server/functions.rs`.

mod exchange;
mod failure;
mod functions;
mod protocol;
mod settings;

pub use functions::Client;

/// The interfaces, with JSON forms that the adapter's generated types have as well.
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
        generate_all,
    });
    #[cfg(target_family = "wasm")]
    export!(Client with_types_in self);
    #[cfg(target_family = "wasm")]
    use super::Client;
}
