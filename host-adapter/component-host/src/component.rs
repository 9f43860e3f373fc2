//! One component, ready to answer requests with as many instances as they need.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut, component::GuestTaskId};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    handler::{
        HandlerState, Instance, InstantiationError, Proxy, ProxyHandler, Request, Response,
        ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
    },
    p3::bindings::ServicePre,
};

use super::{
    HostSettings,
    outbound::{AllowedHosts, Outbound},
    state::State,
};
use crate::spin_variables::Variables;
use adapter_contract::Adapter;

/// Pause of a request that found no room for another instance: about as long as one takes to become
/// free under load.
const WAIT_FOR_INSTANCE: Duration = Duration::from_millis(5);

/// A component and its instances.
#[derive(Clone)]
pub(super) struct Component {
    handler: ProxyHandler<Instances>,
}

/// What an instance is made of.
pub(super) struct Blueprint {
    pub(super) id: Arc<str>,
    pub(super) pre: ServicePre<State>,
    pub(super) adapter: Arc<dyn Adapter>,
    pub(super) variables: Variables,
    pub(super) environment: HashMap<String, String>,
    pub(super) allowed_hosts: Arc<AllowedHosts>,
    pub(super) settings: HostSettings,
    /// Set when the host stops: what is cut off then did not fail.
    pub(super) stopping: CancellationToken,
}

impl Component {
    pub(super) fn new(blueprint: Arc<Blueprint>, thread: usize) -> Self {
        Self {
            handler: ProxyHandler::new(Instances {
                outbound: Outbound::new(blueprint.allowed_hosts.clone()),
                adapter: blueprint.adapter.on_thread(thread),
                blueprint,
            }),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.handler.state().blueprint.id
    }

    /// Answers with an instance that has room, or a new one. While no further instance is allowed
    /// the request waits, for at most the request timeout.
    pub(super) async fn handle(&self, mut request: Request) -> Result<Response, wasmtime::Error> {
        let start = Instant::now();
        let patience = self.handler.state().blueprint.settings.request_timeout;
        loop {
            let error = match self.handler.handle((), request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            request = match error.downcast::<InstantiationError<()>>() {
                Ok(refused) if is_full(&refused) && start.elapsed() < patience => refused
                    .request
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner),
                Ok(refused) => return Err(refused.into()),
                Err(error) => return Err(error),
            };
            sleep(WAIT_FOR_INSTANCE).await;
        }
    }
}

/// Whether an instance was refused because there are as many as allowed.
fn is_full(refused: &InstantiationError<()>) -> bool {
    refused.error.is::<PoolConcurrencyLimitError>()
}

struct Instances {
    blueprint: Arc<Blueprint>,
    /// Both have connections of this thread's own.
    outbound: Outbound,
    adapter: Arc<dyn Adapter>,
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let Blueprint {
            pre,
            variables,
            environment,
            settings,
            ..
        } = &*self.blueprint;
        let state = State::new(
            self.adapter.clone(),
            variables.clone(),
            self.outbound.clone(),
            environment,
            settings.memory_per_instance,
        );
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let proxy = pre.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(proxy),
            view: |state: &mut State| state.http(),
            expiration: Expiration::new(settings),
            state: Worker(self.blueprint.clone()),
        })
    }
}

/// Which requests an instance takes.
struct Worker(Arc<Blueprint>);

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let settings = &self.0.settings;
        if total >= settings.requests_per_instance {
            ShouldAccept::Never
        } else if concurrent >= settings.concurrency_per_instance {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _store: StoreContextMut<'_, State>,
        (): (),
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(sleep(self.0.settings.request_timeout))
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        drop(store);
        if let Err(error) = result
            && !self.0.stopping.is_cancelled()
        {
            tracing::error!(component = %self.0.id, "an instance of `{}` ended: {error:?}", self.0.id);
        }
    }
}

/// When an instance is disposed of: after idling, or when even its latest request is overdue.
///
/// The second is what ends a component that never yields, which the per-request timer inside its
/// event loop cannot.
struct Expiration {
    idle: Duration,
    overdue: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Expiration {
    fn new(settings: &HostSettings) -> Self {
        let (idle, overdue) = (settings.idle_timeout, settings.request_timeout);
        Self {
            idle,
            overdue,
            timer: Box::pin(sleep(overdue)),
        }
    }
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let limit = if status == WorkerStatus::Idle {
            self.idle
        } else {
            self.overdue
        };
        let deadline = tokio::time::Instant::from_std(start + limit);
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(context)
    }
}
