//! Where the databases are, from variables only: their addresses hold passwords.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::path::Path;
use std::str::FromStr;

use mongodb::options::ConnectionString;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use super::environment::{Environment, Origin, read_secret};
use super::layers::Layers;
use super::percent::percent_encode;

const POSTGRES_URL: &str = "a PostgreSQL URL such as `postgres://user:password@host:5432/database`";
const MONGODB_URL: &str = "a MongoDB URL such as `mongodb://user:password@host:27017/database`";

/// Databases that the operator runs.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    /// `DATABASE_URL`, or made of `POSTGRES_HOST`, `_PORT`, `_USER`, `_PASSWORD` and `_DB`, of
    /// which one is enough. `None`: the private cluster.
    pub postgres: Option<SecretString>,
    /// `<COMPONENT>_DATABASE_URL`, where the operator creates the role of a component, of the
    /// `documents` or of the `tokens`.
    pub components: BTreeMap<String, SecretString>,
    /// `MONGODB_URL`, or made of `MONGODB_HOST` and so on. `None`: documents are in PostgreSQL.
    pub mongodb: Option<SecretString>,
}

/// Roles that do not belong to a component: those of the documents and of the revoked sessions.
const ADAPTERS_OWN: [&str; 2] = ["documents", "tokens"];

/// The kind of server that variables describe.
struct Server {
    url: &'static str,
    prefix: &'static str,
    scheme: &'static str,
    port: u16,
    user: Option<&'static str>,
    /// The query of a URL that is made of parts. MongoDB keeps its users in the database `admin`.
    query: &'static str,
    expected: &'static str,
    accepts: fn(&str) -> bool,
}

const POSTGRES: Server = Server {
    url: "DATABASE_URL",
    prefix: "POSTGRES",
    scheme: "postgres",
    port: 5432,
    user: Some("postgres"),
    query: "",
    expected: POSTGRES_URL,
    accepts: is_postgres_url,
};

const MONGODB: Server = Server {
    url: "MONGODB_URL",
    prefix: "MONGODB",
    scheme: "mongodb",
    port: 27017,
    user: None,
    query: "?authSource=admin",
    expected: MONGODB_URL,
    accepts: |url| ConnectionString::parse(url).is_ok(),
};

pub(super) fn read<'n>(
    layers: &mut Layers<'_>,
    project: &Path,
    components: impl IntoIterator<Item = &'n String>,
) -> Databases {
    let components = components.into_iter().map(String::as_str);
    let own = components.chain(ADAPTERS_OWN).filter_map(|role| {
        let variable = component_variable(role);
        let url = read_url(layers, project, &variable, &POSTGRES)?;
        Some((role.to_owned(), url))
    });
    Databases {
        components: own.collect(),
        postgres: read_server(layers, project, &POSTGRES),
        mongodb: read_server(layers, project, &MONGODB),
    }
}

/// The variable with the URL of a component's own database.
pub(super) fn component_variable(component: &str) -> String {
    format!(
        "{}_DATABASE_URL",
        component.replace('-', "_").to_ascii_uppercase()
    )
}

fn read_server(layers: &mut Layers<'_>, project: &Path, server: &Server) -> Option<SecretString> {
    match read_url(layers, project, server.url, server) {
        Some(url) => Some(url),
        None => read_parts(layers, project, server),
    }
}

fn read_url(
    layers: &mut Layers<'_>,
    project: &Path,
    variable: &str,
    server: &Server,
) -> Option<SecretString> {
    let url = read_variable(layers, project, variable)?;
    if !(server.accepts)(url.expose_secret()) {
        let place = place_of(layers.environment, variable);
        layers.reject(place, format!("`{variable}` must be {}", server.expected));
        return None;
    }
    note(layers, "databases", variable);
    Some(url)
}

fn read_parts(layers: &mut Layers<'_>, project: &Path, server: &Server) -> Option<SecretString> {
    let name = |part: &str| format!("{}_{part}", server.prefix);
    let environment = layers.environment;
    let text = |part: &str| environment.get(&name(part)).map(str::to_owned);
    let (host, port, user, database) = (text("HOST"), text("PORT"), text("USER"), text("DB"));
    let password = read_variable(layers, project, &name("PASSWORD"));
    if [&host, &port, &user, &database]
        .iter()
        .all(|part| part.is_none())
        && password.is_none()
    {
        return None;
    }
    let port = match port.as_deref().map_or(Ok(server.port), str::parse) {
        Ok(port) => port,
        Err(_) => {
            let place = place_of(environment, &name("PORT"));
            layers.reject(
                place,
                format!("`{}` must be a port from 1 to 65535", name("PORT")),
            );
            return None;
        }
    };
    note(layers, "databases", &format!("{}_*", server.prefix));
    let user = user.or(server.user.map(str::to_owned));
    let database = database.or(user.clone()).unwrap_or_default();
    let host = host.unwrap_or_else(|| "localhost".to_owned());
    let credentials = user.map(|user| match &password {
        Some(password) => format!(
            "{}:{}@",
            percent_encode(&user),
            percent_encode(password.expose_secret())
        ),
        None => format!("{}@", percent_encode(&user)),
    });
    let query = if credentials.is_some() {
        server.query
    } else {
        ""
    };
    let credentials = credentials.unwrap_or_default();
    let (scheme, host) = (server.scheme, encode_host(&host));
    Some(
        format!(
            "{scheme}://{credentials}{host}:{port}/{}{query}",
            percent_encode(&database)
        )
        .into(),
    )
}

/// The variable, or what is in the file that its `…_FILE` names.
pub(super) fn read_variable(
    layers: &mut Layers<'_>,
    project: &Path,
    variable: &str,
) -> Option<SecretString> {
    let environment = layers.environment;
    let file_variable = format!("{variable}_FILE");
    match (environment.get(variable), environment.get(&file_variable)) {
        (None, None) => None,
        (Some(text), None) => Some(text.into()),
        (None, Some(path)) => read_secret(&project.join(path))
            .inspect_err(|error| {
                let place = place_of(environment, &file_variable);
                layers.reject(place, format!("`{file_variable}`: {error}"));
            })
            .ok(),
        (Some(_), Some(_)) => {
            let place = place_of(environment, variable);
            let text = format!("`{variable}` and `{file_variable}` are both set; keep one");
            layers.reject(place, text);
            None
        }
    }
}

/// Records that a variable is in force, without its value, which is a secret.
pub(super) fn note(layers: &mut Layers<'_>, section: &str, variable: &str) {
    let source = "environment or .env".to_owned();
    layers.note(section, variable, "(not shown)".into(), source);
}

/// Where a variable was set.
pub(super) fn place_of(environment: &Environment, variable: &str) -> Origin {
    let found = environment.find(variable);
    found.map_or(Origin::Process, |(_, origin)| origin)
}

/// The driver parses it, as for MongoDB, so that an invalid URL does not pass and fail at the first
/// connection.
fn is_postgres_url(url: &str) -> bool {
    (url.starts_with("postgres://") || url.starts_with("postgresql://"))
        && PgConnectOptions::from_str(url).is_ok()
}

/// A directory with a socket becomes one part of the URL, and an IPv6 address gets its brackets.
fn encode_host(host: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => percent_encode(host),
    }
}
