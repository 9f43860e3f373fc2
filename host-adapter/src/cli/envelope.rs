//! `host-adapter seal` and `host-adapter open`: seal and open envelopes with this adapter's keys.

use std::io::Read as _;

use anyhow::Context as _;
use clap::Args;
use reqwest::Method;
use serde::Deserialize;

use super::{Invocation, print};
use crate::{
    assembly,
    config::{Settings, suggestion},
};
use adapter_capabilities::vault::{
    CLIENT, EnvelopeSettings, Envelopes, KeyRing, Purpose, SealRequest,
};

/// Seals a request body.
#[derive(Debug, Args)]
pub(super) struct Seal {
    /// The service that opens the envelope.
    #[arg(long, value_name = "SERVICE")]
    to: String,
    /// The owner of the sealing key. `client` stands for all callers from outside.
    #[arg(long, default_value = CLIENT, value_name = "OWNER")]
    from: String,
    /// The request's method.
    #[arg(long, default_value = "POST")]
    method: Method,
    /// The request's path, such as `/api/v1/users/register`.
    #[arg(long)]
    path: String,
    /// The body. Without it, the body is read from standard input.
    body: Option<String>,
}

/// Opens an answer for a person to read. Its age and its intended use are not checked.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// The answer's body, or the envelope in it. Without it, the body is read from standard input.
    body: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    encrypted_data: String,
}

pub(super) fn seal(command: &Seal, invocation: &Invocation) -> anyhow::Result<()> {
    check_request(&command.to, &command.path, &invocation.settings)?;
    let keys = assembly::keys(&invocation.settings)?;
    let sealing = SealRequest {
        issuer: &command.from,
        audience: &command.to,
        method: command.method.as_str(),
        path: &command.path,
        purpose: Purpose::Request,
    };
    let sealed = envelopes(&keys)?.seal(&read_body(command.body.as_deref())?, sealing)?;
    print(&serde_json::json!({ "encrypted_data": sealed.envelope }).to_string())
}

pub(super) fn open(command: &Open, invocation: &Invocation) -> anyhow::Result<()> {
    let keys = assembly::keys(&invocation.settings)?;
    let input = read_body(command.body.as_deref())?;
    let envelope = serde_json::from_str(&input).map_or(input, |body: Body| body.encrypted_data);
    print(&envelopes(&keys)?.inspect(&envelope)?.payload)
}

/// Rejects a request that no service could open.
pub(super) fn check_request(to: &str, path: &str, settings: &Settings) -> anyhow::Result<()> {
    let known = &settings.peers;
    anyhow::ensure!(
        known.contains_key(to),
        "no component or peer is called `{to}`{}",
        suggestion(to, known.keys().map(String::as_str))
    );
    anyhow::ensure!(
        path.starts_with('/'),
        "`--path` must begin with `/`, got `{path}`"
    );
    Ok(())
}

/// Envelopes with the keys of all components and of callers from outside.
pub(super) fn envelopes(keys: &KeyRing) -> anyhow::Result<Envelopes> {
    Ok(Envelopes::new(EnvelopeSettings::default(), keys)?)
}

/// Returns the body from the command line, or else reads it from standard input.
pub(super) fn read_body(argument: Option<&str>) -> anyhow::Result<String> {
    if let Some(body) = argument {
        return Ok(body.trim().to_owned());
    }
    let mut input = String::new();
    std::io::stdin()
        .read_to_string(&mut input)
        .context("reading standard input")?;
    Ok(input.trim().to_owned())
}
