//! One component, and the instances that handle its requests.

use std::{
    collections::HashMap,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Sleep, sleep, timeout},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
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
    adapter::Calls,
    cors::Cors,
    outbound::{AllowedHosts, Outbound},
    seats::{NoSeat, OwnSeats, Seats},
    state::State,
};
use crate::{
    metrics::ComponentMetrics,
    request::{GRACE, TracedRequest},
    spin_variables::Variables,
    work::Load,
};
use adapter_contract::Adapter;

/// Pause before a request tries again to get an instance: about the time until one becomes free
/// under load.
const INSTANCE_RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// A component and its instances. A clone shares the instances.
#[derive(Clone)]
pub(super) struct Component {
    handler: ProxyHandler<Instances>,
    metrics: Arc<ComponentMetrics>,
}

/// Everything that is needed to create an instance of a component.
pub(super) struct InstanceTemplate {
    pub(super) id: Arc<str>,
    pub(super) pre: ServicePre<State>,
    pub(super) adapter: Arc<dyn Adapter>,
    /// Limits the calls in flight of the component.
    pub(super) calls: Arc<Semaphore>,
    pub(super) seats: Arc<Seats>,
    pub(super) variables: Variables,
    /// For the host's own answers to requests of this component.
    pub(super) cors: Cors,
    pub(super) environment: HashMap<String, String>,
    pub(super) allowed_hosts: Arc<AllowedHosts>,
    pub(super) settings: HostSettings,
    /// Cancelled when the host stops. An instance that ends afterwards did not fail.
    pub(super) stopping: CancellationToken,
    /// The `.wasm` file that was compiled.
    pub(super) path: PathBuf,
    /// The SHA-256 of that file, in hexadecimal.
    pub(super) digest: Arc<str>,
    /// When it was loaded.
    pub(super) since: SystemTime,
    /// The version that the component reports. It is not known before its first health check.
    pub(super) version: OnceLock<String>,
    /// Why the latest instance failed.
    pub(super) failure: watch::Sender<Option<String>>,
}

impl Component {
    /// A component on the serving thread `thread`.
    pub(super) fn on_thread(template: Arc<InstanceTemplate>, thread: usize) -> Self {
        let adapter = template.adapter.on_thread(thread);
        let seats = OwnSeats::on_thread(template.seats.clone());
        Self::new(template, adapter, seats)
    }

    /// A component outside the serving threads, with the database connections for background work.
    pub(super) fn in_background(template: Arc<InstanceTemplate>) -> Self {
        let adapter = template.adapter.clone();
        let seats = OwnSeats::in_background(template.seats.clone());
        Self::new(template, adapter, seats)
    }

    fn new(template: Arc<InstanceTemplate>, adapter: Arc<dyn Adapter>, seats: OwnSeats) -> Self {
        let metrics = Arc::new(ComponentMetrics::new(&template.id));
        Self {
            handler: ProxyHandler::new(Instances {
                outbound: Outbound::new(template.allowed_hosts.clone()),
                adapter,
                template,
                seats,
                metrics: metrics.clone(),
                retired: CancellationToken::new(),
            }),
            metrics,
        }
    }

    pub(super) fn template(&self) -> &Arc<InstanceTemplate> {
        &self.handler.state().template
    }

    /// Ends the instances as soon as each has no requests. A request that comes in nevertheless gets
    /// an instance, which ends after it.
    pub(super) fn retire(&self) {
        self.handler.state().retired.cancel();
    }

    pub(super) fn id(&self) -> &Arc<str> {
        &self.handler.state().template.id
    }

    pub(super) fn metrics(&self) -> &ComponentMetrics {
        &self.metrics
    }

    /// Handles a request on an instance with free capacity, or on a new one. At the limit of
    /// instances, the request waits for one, at most for the request timeout.
    ///
    /// What the component calls runs in the scope of `traced`.
    pub(super) async fn handle(
        &self,
        mut request: Request,
        traced: &TracedRequest,
    ) -> Result<Response, wasmtime::Error> {
        let start = Instant::now();
        let timeout = self.handler.state().template.settings.request_timeout;
        loop {
            let error = match self.handler.handle(traced.clone(), request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            request = match error.downcast::<InstantiationError<TracedRequest>>() {
                Ok(error) if is_at_limit(&error) && start.elapsed() < timeout => error
                    .request
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner),
                Ok(error) => return Err(error.into()),
                Err(error) => return Err(error),
            };
            sleep(INSTANCE_RETRY_INTERVAL).await;
        }
    }
}

/// Whether the instance was not created because the limit of instances is reached.
fn is_at_limit(error: &InstantiationError<TracedRequest>) -> bool {
    error.error.is::<NoSeat>() || error.error.is::<PoolConcurrencyLimitError>()
}

struct Instances {
    template: Arc<InstanceTemplate>,
    /// Uses only connections of this thread.
    outbound: Outbound,
    /// Uses only connections of this thread.
    adapter: Arc<dyn Adapter>,
    seats: OwnSeats,
    metrics: Arc<ComponentMetrics>,
    /// Cancelled when the component is replaced.
    retired: CancellationToken,
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let InstanceTemplate {
            pre,
            variables,
            environment,
            settings,
            ..
        } = &*self.template;
        let seat = self.seats.take()?;
        let state = State::new(
            Calls::new(self.adapter.clone(), self.template.calls.clone()),
            variables.clone(),
            self.outbound.clone(),
            environment,
            settings.memory_per_instance,
        );
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        // A component can compute forever while it starts.
        let proxy = timeout(settings.request_timeout, pre.instantiate_async(&mut store))
            .await
            .map_err(|_| wasmtime::format_err!("it did not start in time"))??;
        self.metrics.created.inc();
        self.metrics.instances.inc();
        let load = Load::new(settings.concurrency_per_instance);
        Ok(Instance {
            store,
            proxy: Proxy::P3(proxy),
            view: |state: &mut State| state.http(),
            expiration: Expiration::new(settings, self.retired.clone(), load.clone()),
            state: Worker {
                template: self.template.clone(),
                metrics: self.metrics.clone(),
                load,
                _seat: seat,
                used: AtomicBool::new(false),
            },
        })
    }
}

/// Decides which requests an instance accepts.
struct Worker {
    template: Arc<InstanceTemplate>,
    metrics: Arc<ComponentMetrics>,
    load: Load,
    /// Counts the instance.
    _seat: OwnedSemaphorePermit,
    /// Whether the instance has handled a request.
    used: AtomicBool,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = TracedRequest;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let settings = &self.template.settings;
        // An answer that its client has not taken yet is in the instance's memory.
        let concurrent = concurrent.max(self.load.requests());
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
        store: StoreContextMut<'_, State>,
        traced: TracedRequest,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        if self.used.swap(true, Ordering::Relaxed) {
            self.metrics.reused.inc();
        }
        traced.work.begin_in(&self.load);
        let request = store.data().requests.enter(task, traced);
        // This future is dropped when the component has answered.
        Box::pin(request.expire(self.template.settings.request_timeout))
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        let given_up = self.load.ended_for();
        drop(store);
        self.metrics.instances.dec();
        let id = &self.template.id;
        if given_up > 0 && result.is_err() {
            tracing::info!(
                component = %id,
                "an instance of `{id}` was ended, because it went on with {given_up} requests that were given up"
            );
        } else if let Err(error) = result
            && !self.template.stopping.is_cancelled()
        {
            self.metrics.trapped.inc();
            tracing::error!(component = %id, "an instance of `{id}` ended: {error:?}");
            self.template
                .failure
                .send_replace(Some(error.root_cause().to_string()));
        }
    }
}

/// When an instance is dropped: when it has been idle too long, when it is idle and its component was
/// replaced, when it goes on with nothing but requests that are given up, or when its latest request is
/// overdue.
///
/// The last two cases end a component that never yields. The timer of a request cannot do that,
/// because it runs in the component's event loop.
struct Expiration {
    idle: Duration,
    overdue: Duration,
    load: Load,
    /// Since when the instance has worked on nothing but requests that are given up.
    useless: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    retired: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Expiration {
    fn new(settings: &HostSettings, retired: CancellationToken, load: Load) -> Self {
        let (idle, overdue) = (settings.idle_timeout, settings.request_timeout);
        Self {
            idle,
            overdue,
            load,
            useless: None,
            timer: Box::pin(sleep(overdue)),
            retired: Box::pin(retired.cancelled_owned()),
        }
    }
}

impl Expiration {
    fn useless_since(&mut self) -> Option<Instant> {
        let given_up = self.load.given_up();
        if given_up == 0 || given_up < self.load.requests() {
            self.useless = None;
        } else {
            self.useless.get_or_insert_with(Instant::now);
        }
        self.useless
    }
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        self.load.wake_later(context.waker());
        let deadline = if status == WorkerStatus::Idle {
            if self.retired.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            start + self.idle
        } else {
            let overdue = start + self.overdue;
            self.useless_since()
                .map_or(overdue, |since| overdue.min(since + GRACE))
        };
        let deadline = tokio::time::Instant::from_std(deadline);
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        let expired = self.timer.as_mut().poll(context);
        if expired.is_ready() && self.useless.is_some() {
            self.load.end();
        }
        expired
    }
}
