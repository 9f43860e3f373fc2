//! The wasmtime engine and linker that all components share.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    component::Linker,
};

use super::{HostSettings, quota, state::State};
use crate::{adapter, spin_variables};

/// How often running wasm is interrupted. Without it, a component in an endless loop would block its
/// thread and outlive the request timeout. A shorter interval costs throughput.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Creates the engine, and starts the thread that interrupts running wasm.
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

/// Reserves the memory of `max_instances` instances at the start. An instantiation then makes no
/// system call for memory, and takes microseconds.
fn pooling(settings: &HostSettings) -> PoolingAllocationConfig {
    let instances = settings.max_instances;
    let all = |each: u32| instances.saturating_mul(each);
    let mut pooling = PoolingAllocationConfig::default();
    pooling
        .total_component_instances(instances)
        .total_core_instances(all(quota::CORE_INSTANCES))
        .total_memories(all(quota::MEMORIES))
        .total_tables(all(quota::TABLES))
        .table_elements(quota::TABLE_ELEMENTS)
        .total_stacks(instances.saturating_mul(4))
        .max_memory_size(settings.memory_per_instance);
    pooling
}

/// Keeps compiled components, so that the next start compiles only those that changed.
fn cache(directory: &Path) -> anyhow::Result<Option<Cache>> {
    let mut config = CacheConfig::new();
    // The cache accepts only an absolute path.
    let directory =
        std::path::absolute(directory).context("resolving the path of the compilation cache")?;
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
        .context("starting the thread `epoch`")?;
    Ok(())
}

/// Creates the linker with everything that a component may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    adapter::add_to_linker(&mut linker)?;
    spin_variables::add_to_linker(&mut linker, State::variables)?;
    Ok(linker)
}
