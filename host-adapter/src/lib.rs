//! `host-adapter` runs Spindle's components and gives them what a sandbox should not hold: database
//! pools, keys, retries.
//!
//! - [`config`]: `adapter.toml` and the environment, checked
//! - [`capabilities`]: what a component can be granted; no wasm and no HTTP server in it
//! - [`database`]: roles, schemas and migrations
//! - [`assembly`]: from settings to each component's capabilities
//! - [`bindings`]: the functions of `spindle:adapter` over the capabilities
//! - [`listen`]: connections and the threads that serve them
//! - [`host`]: the embedded component host
//! - [`server`]: the adapter's HTTP API, for components that run elsewhere
//! - [`dev`]: what a laptop needs besides
//! - [`cli`]: the commands
//!
//! Dependencies point downward only: `cli` → `host`, `server` → `bindings` → `capabilities` → drivers.

pub mod assembly;
pub mod bindings;
pub mod capabilities;
pub mod cli;
pub mod config;
pub mod database;
pub mod dev;
pub mod host;
pub mod listen;
pub mod server;
