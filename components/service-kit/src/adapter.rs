//! The adapter's interfaces, generated once from `wit/` for all components.
//!
//! The world names every interface; what a component does not call is not imported by its
//! finished `.wasm`, so this costs no component a grant.

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "service",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

#[cfg(target_family = "wasm")]
pub(crate) use bindings::spindle::adapter::context;
pub use bindings::spindle::adapter::{
    dispatch, documents, envelopes, health, passwords, postgres, tokens,
};
