//! The functions of `spindle:adapter` as wasmtime host functions.

use std::sync::Arc;

use adapter_contract::{
    Adapter, Unavailable, deadline, dispatch, documents, envelopes, health, passwords, postgres,
    subject_documents, subject_queries, tokens,
};
use adapter_telemetry::traces::InScope as _;
use tokio::sync::Semaphore;
use wasmtime::component::{Accessor, Linker};

use crate::{http_functions, request::TracedRequest, state::State};

/// Adds every function of the contract to `linker`.
///
/// # Errors
///
/// The linker already has one of the functions.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    /// Each entry clones the adapter out of the store, because a waiting call must not hold the store.
    macro_rules! entries {
        ($($interface:ident $qualified:literal {
            $($function:ident $name:literal $path:literal $span:literal
                ($($argument:ident: $type:ty),*) -> $result:ty;)*
        })*) => {$(
            let mut interface = linker.instance($qualified)?;
            $(interface.func_wrap_concurrent(
                $name,
                |accessor: &Accessor<State>, ($($argument,)*): ($($type,)*)| {
                    let (calls, request) = caller(accessor);
                    Box::pin(async move {
                        let adapter = &*calls.adapter;
                        let call = $interface::Functions::$function(adapter, $($argument),*);
                        Ok((calls.make(request, call).await,))
                    })
                },
            )?;)*
        )*};
    }
    adapter_contract::functions!(entries);
    // The host knows the request of each call from the guest's task.
    let context = format!("spindle:adapter/context@{}", adapter_contract::VERSION);
    let mut context = linker.instance(&context)?;
    context.func_wrap("enter", |_, (_, _): (String, String)| Ok((false,)))?;
    context.func_wrap("set-time-left", |_, (_,): (u32,)| Ok(()))?;
    http_functions::add_to_linker(linker)
}

/// The calls of one component.
#[derive(Clone)]
pub(crate) struct Calls {
    adapter: Arc<dyn Adapter>,
    /// Of `host.max_calls`.
    permits: Arc<Semaphore>,
}

impl Calls {
    pub(crate) fn new(adapter: Arc<dyn Adapter>, permits: Arc<Semaphore>) -> Self {
        Self { adapter, permits }
    }

    /// The component's name.
    pub(crate) fn component(&self) -> &str {
        self.adapter.component()
    }

    /// Makes a call for `request`, within its deadline. Dropping the call ends it, so it ends when the request is given
    /// up.
    async fn make<T: Unavailable>(
        &self,
        request: Option<TracedRequest>,
        call: impl Future<Output = T>,
    ) -> T {
        let Ok(_permit) = self.permits.try_acquire() else {
            let component = self.component();
            tracing::warn!(component, "rejected a call: {TOO_MANY}");
            return T::unavailable(TOO_MANY);
        };
        let Some(request) = request else {
            return call.await;
        };
        let TracedRequest {
            scope,
            work,
            deadline,
            ..
        } = request;
        let call = deadline::scope(Some(deadline), call);
        tokio::select! {
            result = call.in_scope(scope) => result,
            () = work.given_up() => T::unavailable("the request was given up"),
        }
    }
}

/// What a component is told of a call above the limit.
const TOO_MANY: &str = "the component has more calls in flight than `host.max_calls` allows";

/// The calls of the guest's component, and the request for which it calls.
fn caller(accessor: &Accessor<State>) -> (Calls, Option<TracedRequest>) {
    accessor.with(|mut access| {
        let state = access.data_mut();
        let (calls, requests) = (state.calls.clone(), state.requests.clone());
        (calls, requests.current(access))
    })
}
