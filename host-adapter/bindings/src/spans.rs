//! A span and a measurement for each call. The span is `adapter.<interface>.<function>`, with the component
//! and the outcome.
//!
//! A span omits parameters and results, because they may contain passwords, tokens and personal data.

use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};

use adapter_contract::{
    Adapter, dispatch, documents, envelopes, health, passwords, postgres, subject_documents,
    subject_queries, tokens,
};
use adapter_telemetry::metrics::{Durations, Labels, durations, labels, register_seconds};
use tracing::{Instrument as _, Span, field};

use crate::Component;

/// An adapter whose calls run in spans.
#[derive(Clone)]
pub struct Traced {
    name: Arc<str>,
    component: Component,
}

impl Traced {
    pub(crate) fn new(component: Component) -> Self {
        Self {
            name: component.0.component().into(),
            component,
        }
    }
}

impl Adapter for Traced {
    fn component(&self) -> &str {
        &self.name
    }

    fn on_thread(&self, number: usize) -> Arc<dyn Adapter> {
        Arc::new(Self::new(Component(self.component.0.on_thread(number))))
    }
}

/// Wraps every function of every interface.
macro_rules! traced {
    ($($interface:ident $qualified:literal {
        $($function:ident $name:literal $path:literal $span:literal
            ($($argument:ident: $type:ty),*) -> $result:ty;)*
    })*) => {$(
        #[async_trait::async_trait]
        impl $interface::Functions for Traced {
            $(async fn $function(&self, $($argument: $type),*) -> $result {
                let span = adapter_telemetry::recorded_span!(
                    $span,
                    component = self.component(),
                    outcome = field::Empty,
                    otel.status_code = field::Empty
                );
                let call = $interface::Functions::$function(&self.component, $($argument),*);
                self.observe($path, span, call).await
            })*
        }
    )*};
}
adapter_contract::functions!(traced);

impl Traced {
    /// Runs a call of `function` in `span`, and measures it.
    async fn observe<T: adapter_contract::Outcome>(
        &self,
        function: &'static str,
        span: Span,
        call: impl Future<Output = T>,
    ) -> T {
        let start = Instant::now();
        let result = call.instrument(span.clone()).await;
        let outcome = result.outcome();
        span.record("outcome", outcome);
        if outcome != "ok" {
            span.record("otel.status_code", "ERROR");
        }
        let labels = labels([
            ("component", (&self.name).into()),
            ("function", function.into()),
            ("outcome", outcome.into()),
        ]);
        let duration = CALLS.get_or_create(&labels);
        duration.observe(start.elapsed().as_secs_f64());
        result
    }
}

/// By component, function and outcome.
static CALLS: LazyLock<Durations<Labels<3>>> = LazyLock::new(|| {
    let help = "Time of a call from a component to the adapter";
    register_seconds("spindle_adapter_call_duration", help, durations())
});
