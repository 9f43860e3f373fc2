//! The allocator of this component. A service has the same one.
//!
//! A component has one thread, so its allocator needs neither a lock nor a heap for each thread.

use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();
