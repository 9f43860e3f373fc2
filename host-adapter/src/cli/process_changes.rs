//! Takes up settings of what the process has once: the log, the traces, the management port and the control socket.

use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use tokio::task::AbortHandle;

use super::{
    Invocation, component_names,
    run::{Running, cannot_listen},
};
use crate::{
    config::Changes,
    control::{Handler, Socket},
};
use adapter_management::Bound;

/// The task that answers at the control socket, if it could be bound.
pub(super) type ControlTask = Mutex<Option<AbortHandle>>;

/// Changed settings that can be taken up at once.
pub(super) struct ProcessChanges {
    log: bool,
    management: Bound,
    /// It is bound to another address.
    management_moves: bool,
    /// Bound in place of the present one.
    control: Option<Socket>,
}

impl ProcessChanges {
    /// Binds and creates what `next` says. Nothing that runs is changed.
    ///
    /// # Errors
    ///
    /// An address or a path cannot be used. The text names the setting.
    pub(super) async fn prepare(
        running: &Running,
        next: &Invocation,
        previous: &Invocation,
        changes: &Changes,
    ) -> anyhow::Result<Self> {
        let settings = &next.settings;
        let address = settings.management.address;
        let management = running.management.bind(&settings.management);
        let management =
            management.with_context(|| cannot_listen("management.address", address))?;
        let (socket, before) = (&settings.control.socket, &previous.settings.control.socket);
        let control = if socket == before {
            None
        } else {
            Some(Socket::bind(socket).await.context("`control.socket`")?)
        };
        let mut log = component_names(settings) != component_names(&previous.settings);
        log |= changes.process.iter().any(|name| name.starts_with("log."));
        if let Some(directory) = settings.log.directory.as_deref().filter(|_| log) {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("`log.directory`: creating `{}`", directory.display()))?;
        }
        let previous = &previous.settings.management;
        Ok(Self {
            log,
            management_moves: previous.address != address,
            management,
            control,
        })
    }

    /// Takes them up. It blocks until the lines that wait for the log are written. `handler` answers at the control
    /// socket.
    pub(super) fn apply(
        self,
        running: &Running,
        next: &Invocation,
        task: &ControlTask,
        handler: Handler,
    ) {
        let settings = &next.settings;
        if self.log
            && let Err(error) = next.log.change(&settings.log, component_names(settings))
        {
            tracing::error!("the log goes on as before: {error}");
        }
        if let Some(traces) = &next.traces {
            traces.change(&settings.traces);
        }
        let access = settings.management_access.clone();
        running.management.change(self.management, access);
        if self.management_moves
            && let Ok(address) = running.management.address()
        {
            tracing::info!("the management port listens on http://{address}");
        }
        if let Some(socket) = self.control {
            let next = tokio::spawn(socket.serve(handler)).abort_handle();
            let task = task.lock();
            let mut task = task.unwrap_or_else(PoisonError::into_inner);
            if let Some(previous) = task.replace(next) {
                previous.abort();
            }
        }
    }
}
