//! `host-adapter` runs Spindle's components and gives them what a sandbox should not hold: database
//! pools, keys, retries.
//!
//! This crate is the program. What it puts together is in crates of its own, in this folder:
//!
//! - `settings`: how settings are written; each crate defines its own with it
//! - `contract`: the types and functions of `wit/`, for every side
//! - `capabilities`: what a component can be granted; knows neither wasm nor an HTTP server
//! - `bindings`: the functions of the contract over the capabilities
//! - `listening`: connections and the threads that serve them
//! - `logging`: the log, on stderr and in files
//! - `component-host`: the embedded component host
//! - `api`: the adapter's HTTP API, for components that run elsewhere
//!
//! Here are only:
//!
//! - [`config`]: finds the settings, in `adapter.toml` and the environment, and checks them
//! - [`checks`]: compares the files of a project with each other
//! - [`database`]: roles, schemas and migrations
//! - [`assembly`]: from settings to each component's adapter
//! - [`dev`]: the databases of a laptop
//! - [`doctor`]: examines a project and the machine
//! - [`new_service`]: the files of a new service
//! - [`control`]: the socket by which a command reaches the running program
//! - [`cli`]: the commands

pub mod assembly;
pub mod checks;
pub mod cli;
pub mod config;
pub mod control;
pub mod database;
pub mod dev;
pub mod doctor;
pub mod new_service;
