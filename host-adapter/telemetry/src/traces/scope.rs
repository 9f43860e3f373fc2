//! What code works for: the span of a recorded request, or the ids of another one.
//!
//! A span costs a request some microseconds each time that its work goes on, because every layer of the
//! subscriber looks it up. Few requests are recorded, so the others have no span: their ids are in a
//! thread-local while their work is polled. The log reads them there.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tracing::{Span, span::Entered};

use super::Position;

/// What code works for. A clone is the same.
#[derive(Debug, Clone, Default)]
pub enum Scope {
    /// Nothing that is known.
    #[default]
    Nothing,
    /// A request that is recorded: work runs in its span.
    Recorded(Span),
    /// A request that is not recorded.
    Unrecorded(Arc<Ids>),
}

/// What the log tells of a request that is not recorded.
#[derive(Debug)]
pub struct Ids {
    /// The component that works for it.
    pub component: Box<str>,
    /// Its id, as the client sees it.
    pub request_id: Box<str>,
    /// Its position. A peer must get the same trace id, so that the log lines of both can be found together
    /// (W3C Trace Context, section 3.3).
    pub position: Position,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Ids>>> = const { RefCell::new(None) };
    static RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// Creates a span below a recorded request, with the arguments of [`tracing::debug_span!`]. Elsewhere it is no
/// span, and its fields are not evaluated.
///
/// A subscriber with filters per layer would create the span even if every filter rejects it
/// (tracing-subscriber 0.3).
#[macro_export]
macro_rules! recorded_span {
    ($($argument:tt)*) => {
        if $crate::traces::is_recording() {
            $crate::traces::debug_span!($($argument)*)
        } else {
            $crate::traces::Span::none()
        }
    };
}

/// Whether the running code works for a recorded request.
#[must_use]
pub fn is_recording() -> bool {
    RECORDING.get()
}

impl Scope {
    /// What the running code works for.
    #[must_use]
    pub fn current() -> Self {
        if let Some(ids) = ids() {
            return Self::Unrecorded(ids);
        }
        let span = Span::current();
        if span.is_none() {
            Self::Nothing
        } else {
            Self::Recorded(span)
        }
    }

    /// The span; none if there is no recorded request.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Recorded(span) => span.clone(),
            Self::Nothing | Self::Unrecorded(_) => Span::none(),
        }
    }

    /// Begins to work for it, until the guard is dropped.
    #[must_use]
    pub fn enter(&self) -> Guard<'_> {
        let (ids, span) = match self {
            Self::Nothing => (None, None),
            Self::Recorded(span) => (None, Some(span.enter())),
            Self::Unrecorded(ids) => (Some(ids.clone()), None),
        };
        Guard {
            outer: CURRENT.replace(ids),
            was_recording: RECORDING.replace(span.is_some()),
            _span: span,
        }
    }
}

/// The ids of the request that the running code works for, if it is not recorded.
#[must_use]
pub fn ids() -> Option<Arc<Ids>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Ends the work for a scope when it is dropped.
#[derive(Debug)]
pub struct Guard<'a> {
    outer: Option<Arc<Ids>>,
    was_recording: bool,
    _span: Option<Entered<'a>>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
        RECORDING.set(self.was_recording);
    }
}

/// Has futures work for a scope.
pub trait InScope: Sized {
    /// Works for `scope` whenever it is polled, and when it is dropped.
    fn in_scope(self, scope: Scope) -> Scoped<Self> {
        Scoped {
            future: Some(self),
            scope,
        }
    }

    /// Works for what the running code works for. A task needs it, because it is polled elsewhere.
    fn in_current_scope(self) -> Scoped<Self> {
        self.in_scope(Scope::current())
    }
}

impl<F: Future> InScope for F {}

pin_project! {
    /// A future that works for a scope.
    #[derive(Debug)]
    pub struct Scoped<F> {
        // It is gone only while this is dropped.
        #[pin]
        future: Option<F>,
        scope: Scope,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _within = this.scope.enter();
            this.future.set(None);
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _within = this.scope.enter();
        match this.future.as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(request_id: &str) -> Scope {
        Scope::Unrecorded(Arc::new(Ids {
            component: "user".into(),
            request_id: request_id.into(),
            position: Position::random(),
        }))
    }

    fn current() -> Option<String> {
        ids().map(|ids| ids.request_id.to_string())
    }

    /// Notes what it works for when it is dropped.
    struct Noted<'a>(&'a RefCell<Vec<Option<String>>>);

    impl Drop for Noted<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push(current());
        }
    }

    #[test]
    fn a_future_works_for_its_scope_only_while_it_runs() {
        let dropped = RefCell::new(Vec::new());
        let noted = Noted(&dropped);
        let mut future = Box::pin(
            async {
                let _noted = noted;
                let inner = async { current() }.in_scope(scope("inner")).await;
                let inherited = async { current() }.in_current_scope().await;
                assert_eq!(inner.as_deref(), Some("inner"));
                assert_eq!(inherited.as_deref(), Some("outer"));
                std::future::pending::<()>().await;
            }
            .in_scope(scope("outer")),
        );
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert_eq!(current(), None);
        drop(future);
        assert_eq!(dropped.into_inner(), [Some("outer".to_owned())]);
        assert_eq!(current(), None);
    }

    #[test]
    fn only_a_recorded_request_has_spans() {
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::with_default(subscriber, || {
            assert!(crate::recorded_span!("outside").is_none());
            let recorded = Scope::Recorded(tracing::info_span!("request"));
            let _within = recorded.enter();
            assert!(!crate::recorded_span!("below").is_none());
            let other = scope("other");
            let _within = other.enter();
            assert!(crate::recorded_span!("of another").is_none());
        });
    }
}
