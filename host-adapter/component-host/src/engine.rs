//! wasmtime, set up once for all components.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    component::Linker,
};

use super::{HostSettings, state::State};
use crate::{adapter, spin_variables};

/// How often running wasm is interrupted, so that a component that computes without end neither
/// holds its thread nor outlives its request's time limit. Shorter costs throughput.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The engine, with a thread that interrupts what runs on it.
pub(super) fn engine(settings: &HostSettings) -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(settings)))
        .cache(cache(&settings.compilation_cache)?);
    let engine = Engine::new(&config)?;
    start_ticking(&engine)?;
    Ok(engine)
}

/// Memory is reserved for as many instances as may ever be, and given to them without asking the
/// system: instantiation takes microseconds.
fn pooling(settings: &HostSettings) -> PoolingAllocationConfig {
    let instances = settings.max_instances;
    let mut pooling = PoolingAllocationConfig::default();
    pooling
        .total_component_instances(instances)
        // A component built by Rust is a handful of core modules: itself and adapters around it.
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(8))
        .total_stacks(instances.saturating_mul(4))
        .max_memory_size(settings.memory_per_instance);
    pooling
}

/// Compiled components are kept, so that only a changed one is compiled at the next start.
fn cache(directory: &Path) -> anyhow::Result<Option<Cache>> {
    let mut config = CacheConfig::new();
    // The cache insists on an absolute path.
    let directory = std::path::absolute(directory).context("finding the compilation cache")?;
    config.with_directory(directory);
    Ok(Some(Cache::new(config)?))
}

fn start_ticking(engine: &Engine) -> anyhow::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("epoch".into())
        .spawn(tick)
        .context("starting a thread")?;
    Ok(())
}

/// Everything that a component may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    adapter::add_to_linker(&mut linker)?;
    spin_variables::add_to_linker(&mut linker, State::variables)?;
    Ok(linker)
}
