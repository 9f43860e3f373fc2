//! A span for each call: `adapter.<interface>.<function>` with the component and the outcome.
//!
//! A span omits parameters and results, because they may contain passwords, tokens and personal data.

use std::sync::Arc;

use adapter_contract::{
    Adapter, dispatch, documents, envelopes, health, passwords, postgres, tokens,
};
use tracing::{Instrument as _, Span, field};

use crate::Component;

/// An adapter whose calls run in spans.
#[derive(Clone)]
pub struct Traced(pub(crate) Component);

impl Adapter for Traced {
    fn component(&self) -> &str {
        self.0.0.component()
    }

    fn on_thread(&self, number: usize) -> Arc<dyn Adapter> {
        Arc::new(Self(Component(self.0.0.on_thread(number))))
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
                let span = tracing::debug_span!(
                    $span,
                    component = self.component(),
                    outcome = field::Empty
                );
                let call = $interface::Functions::$function(&self.0, $($argument),*);
                in_span(span, call).await
            })*
        }
    )*};
}
adapter_contract::functions!(traced);

async fn in_span<T: adapter_contract::Outcome>(span: Span, call: impl Future<Output = T>) -> T {
    let result = call.instrument(span.clone()).await;
    span.record("outcome", result.outcome());
    result
}
