//! The state of the connection pools, read when the metrics are.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use adapter_telemetry::metrics::{
    Collector, ConstGauge, DescriptorEncoder, EncodeMetric, register_collector,
};

/// Connections of a pool.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolState {
    /// Opened.
    pub(crate) open: usize,
    /// Opened, and not in use.
    pub(crate) idle: usize,
    /// The most that are opened.
    pub(crate) max: usize,
    /// Calls that wait for one.
    pub(crate) waiting: usize,
}

/// A pool that can tell its state.
pub(crate) trait Observed: Send + Sync {
    /// The state at this moment.
    fn state(&self) -> PoolState;
}

type Entry = (Arc<str>, Weak<dyn Observed>);

#[derive(Default, Clone)]
struct Pools(Arc<Mutex<Vec<Entry>>>);

static POOLS: LazyLock<Pools> = LazyLock::new(|| {
    let pools = Pools::default();
    register_collector(pools.clone());
    pools
});

/// Shows `pool` under `name` until it is dropped.
pub(crate) fn register(name: Arc<str>, pool: Weak<dyn Observed>) {
    let mut pools = POOLS.0.lock().unwrap_or_else(PoisonError::into_inner);
    pools.retain(|(_, pool)| pool.strong_count() > 0);
    pools.push((name, pool));
}

impl fmt::Debug for Pools {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pools")
    }
}

impl Pools {
    fn states(&self) -> Vec<(Arc<str>, PoolState)> {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = pools
            .iter()
            .filter_map(|(name, pool)| Some((name.clone(), pool.upgrade()?.state())));
        alive.collect()
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let states = self.states();
        let count = |state: PoolState| {
            [
                ("used", state.open.saturating_sub(state.idle)),
                ("idle", state.idle),
            ]
        };
        let name = "db_client_connection_count";
        let gauge = ConstGauge::new(0_u64);
        let mut family =
            encoder.encode_descriptor(name, "Open connections", None, gauge.metric_type())?;
        for (pool, state) in &states {
            for (label, value) in count(*state) {
                let labels = [
                    ("db_client_connection_pool_name", &**pool),
                    ("db_client_connection_state", label),
                ];
                ConstGauge::new(value as u64).encode(family.encode_family(&labels)?)?;
            }
        }
        let max: fn(PoolState) -> usize = |state| state.max;
        let waiting: fn(PoolState) -> usize = |state| state.waiting;
        for (name, help, value) in [
            (
                "db_client_connection_max",
                "Connections that may be open",
                max,
            ),
            (
                "db_client_connection_pending_requests",
                "Calls that wait for a connection",
                waiting,
            ),
        ] {
            let mut family = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            for (pool, state) in &states {
                let labels = [("db_client_connection_pool_name", &**pool)];
                ConstGauge::new(value(*state) as u64).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
