//! What serves the routes.

mod composed;
mod embedded;
mod native;
mod spin;
mod spin_pg;

use std::env;

use clap::ValueEnum;

use crate::{
    checkout::Checkout,
    http::{Http, text},
    lab::Lab,
    process::Process,
    project::Project,
    routes::{Route, login},
    usage::Processes,
};

/// Users who log in in turn, because logins of one user at the same time count as guesses.
pub(crate) const USERS: u32 = 64;

const REGISTER: &str = "/api/v1/users/register";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// `host-adapter up`.
    Embedded,
    /// The services, composed with adapter-client on a host that grants nothing, beside `host-adapter serve`.
    Composed,
    /// The same, but they call the adapter by HTTP instead of frames.
    ComposedHttp,
    /// The services on Spin, beside `host-adapter serve`.
    Spin,
    /// The same, but they call the adapter by HTTP instead of frames.
    SpinHttp,
    /// The profile's statement with hyper and sqlx, without WebAssembly, token and headers.
    Native,
    /// The profile's statement as a component that uses Spin's own PostgreSQL, without token.
    SpinPg,
}

/// A running host.
pub(crate) struct Host {
    pub(crate) kind: Kind,
    /// Of an older checkout.
    pub(crate) old: bool,
    pub(crate) url: String,
    /// The access token of its user.
    pub(crate) token: String,
    user_id: String,
    pub(crate) project: Option<Project>,
    // They stop in this order: an adapter delivers its last messages to the components.
    processes: Vec<Process>,
}

impl Kind {
    /// What is compared by default.
    pub(crate) const COMPARED: [Self; 5] = [
        Self::Embedded,
        Self::Composed,
        Self::Spin,
        Self::Native,
        Self::SpinPg,
    ];

    /// Those that show what a call to the adapter costs.
    pub(crate) const SIDECAR: [Self; 5] = [
        Self::Embedded,
        Self::Composed,
        Self::ComposedHttp,
        Self::Spin,
        Self::SpinHttp,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Composed => "composed",
            Self::ComposedHttp => "composed, HTTP",
            Self::Spin => "Spin + serve",
            Self::SpinHttp => "Spin + serve, HTTP",
            Self::Native => "native",
            Self::SpinPg => "Spin's own pg",
        }
    }

    /// Whether this machine has what the host needs.
    pub(crate) fn is_available(self) -> bool {
        !self.needs_spin() || is_on_path("spin")
    }

    fn needs_spin(self) -> bool {
        matches!(self, Self::Spin | Self::SpinHttp | Self::SpinPg)
    }

    fn calls_by_http(self) -> bool {
        matches!(self, Self::ComposedHttp | Self::SpinHttp)
    }

    /// A host that answers `/` with a constant, and everything else with the profile of a user of the embedded host.
    pub(crate) fn is_twin(self) -> bool {
        matches!(self, Self::Native | Self::SpinPg)
    }

    pub(crate) fn serves(self, route: Route) -> bool {
        matches!(route, Route::Plain | Route::Profile) || !self.is_twin()
    }
}

impl Host {
    /// Starts a host of a checkout with a database of its own, and registers its users.
    pub(crate) async fn start(
        kind: Kind,
        lab: &Lab,
        checkout: &Checkout,
        name: &str,
    ) -> anyhow::Result<Self> {
        let project = Project::create(lab, checkout, name).await?;
        let (url, processes) = match kind {
            Kind::Composed | Kind::ComposedHttp => {
                composed::start(&project, checkout, kind.calls_by_http()).await?
            }
            Kind::Spin | Kind::SpinHttp => {
                spin::start(&project, checkout, kind.calls_by_http()).await?
            }
            _ => embedded::start(&project).await?,
        };
        let mut host = Self {
            kind,
            old: false,
            url,
            token: String::new(),
            user_id: String::new(),
            project: Some(project),
            processes,
        };
        host.register().await?;
        Ok(host)
    }

    /// Starts a twin of the user service, which reads the database of `original`.
    pub(crate) async fn start_twin(kind: Kind, lab: &Lab, original: &Self) -> anyhow::Result<Self> {
        let (url, processes) = if kind == Kind::SpinPg {
            spin_pg::start(lab, original).await?
        } else {
            native::start(lab, original).await?
        };
        Ok(Self {
            kind,
            old: false,
            url,
            token: original.token.clone(),
            user_id: original.user_id.clone(),
            project: None,
            processes,
        })
    }

    pub(crate) fn label(&self) -> String {
        let title = self.kind.title();
        let old = if self.old { ", old" } else { "" };
        format!("{title}{old}")
    }

    pub(crate) fn processes(&self) -> Processes {
        Processes::new(self.processes.iter().map(Process::id))
    }

    async fn register(&mut self) -> anyhow::Result<()> {
        let http = Http::new(&self.url);
        let registered = http.post(REGISTER, login("0")).await?;
        self.user_id = text(&registered, "/data/user_id")?;
        self.log_in().await
    }

    /// Gets another token, for a measurement that takes longer than a token is valid.
    pub(crate) async fn log_in(&mut self) -> anyhow::Result<()> {
        let http = Http::new(&self.url);
        let logged_in = http.post(Route::Login.path(), login("0")).await?;
        self.token = text(&logged_in, "/access_token")?;
        Ok(())
    }

    /// Registers those who log in.
    pub(crate) async fn register_users(&self) -> anyhow::Result<()> {
        let http = Http::new(&self.url);
        for number in 1..=USERS {
            http.post(REGISTER, login(&number.to_string())).await?;
        }
        Ok(())
    }

    /// The id of the user whom the token belongs to.
    pub(crate) fn user_id(&self) -> &str {
        &self.user_id
    }
}

pub(crate) fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut directories = env::split_paths(&path);
    directories.any(|directory| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_serve_only_the_profile() {
        for kind in Kind::value_variants() {
            assert!(kind.serves(Route::Profile));
            assert_eq!(kind.serves(Route::Login), !kind.is_twin(), "{kind:?}");
        }
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(is_on_path("sh"));
        assert!(!is_on_path("a-program-that-is-nowhere"));
    }
}
