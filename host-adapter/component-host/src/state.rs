//! The host's data for one component instance.

use std::collections::HashMap;

use wasmtime::{StoreLimits, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    adapter::Calls,
    outbound::Outbound,
    output::{Output, Stream},
    quota,
};
use crate::{request::Requests, spin_variables::Variables};

/// The data of a wasmtime store.
pub(super) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Outbound,
    table: ResourceTable,
    pub(super) limits: StoreLimits,
    /// The requests that the instance is handling.
    pub(super) requests: Requests,
    pub(super) calls: Calls,
    variables: Variables,
}

impl State {
    /// `memory` is the limit of the instance's linear memory, in bytes.
    pub(super) fn new(
        calls: Calls,
        variables: Variables,
        outbound: Outbound,
        environment: &HashMap<String, String>,
        memory: usize,
    ) -> Self {
        let requests = Requests::default();
        let output = |stream| Output::new(calls.component(), stream, requests.clone());
        let mut wasi = WasiCtx::builder();
        // Components get no files and no arguments of the process.
        wasi.stdout(output(Stream::Stdout));
        wasi.stderr(output(Stream::Stderr));
        for (name, value) in environment {
            wasi.env(name, value);
        }
        outbound.allow_sockets(&mut wasi);
        Self {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: outbound,
            table: ResourceTable::new(),
            limits: quota::of_instance(memory),
            requests,
            calls,
            variables,
        }
    }

    pub(super) fn variables(&mut self) -> &Variables {
        &self.variables
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
