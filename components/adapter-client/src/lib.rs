//! `spindle:adapter` for hosts that do not offer it, such as stock Spin.
//!
//! Spin composes this component into a service (`[component.X.dependencies]`), where it takes the
//! place of the embedded host's functions: each call becomes one HTTP request to
//! `host-adapter serve`, and the answer becomes the result of the call. Nothing is decided here. The
//! adapter knows what a service may do by the token that is sent along.
//!
//! The list of functions and the version come from `adapter-contract`, which generates them from
//! `wit/`, so a new function needs no line here.

mod exchange;
mod failure;
mod functions;
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
