//! The adapter's interfaces, generated once from `wit/` for all components.
//!
//! The world contains every interface. The finished `.wasm` of a component imports only the functions
//! that it calls, so a component does not need a grant for the others.

#[expect(
    missing_docs,
    reason = "generated: aliases of types that an interface uses"
)]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "service",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        with: { "wasi:http/types@0.3.0": spin_sdk::wasip3::http::types },
        generate_all,
    });
}

#[cfg(target_family = "wasm")]
pub(crate) use bindings::spindle::adapter::context;
pub use bindings::spindle::adapter::{
    dispatch, documents, envelopes, health, http, passwords, postgres, subject_documents,
    subject_queries, tokens,
};
