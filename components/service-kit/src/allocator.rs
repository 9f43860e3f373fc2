//! The allocator of every service.
//!
//! A component has one thread, so its allocator needs neither a lock nor a heap for each thread. A quarter of a
//! component's time went to the allocator of the standard library.

use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();
