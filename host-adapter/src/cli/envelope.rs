//! `host-adapter seal` and `host-adapter open`: envelopes on the command line, with the keys of
//! this adapter.

use std::io::Read as _;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;

use super::{Invocation, print};
use crate::assembly;
use adapter_capabilities::vault::{
    CLIENT, EnvelopeSettings, Envelopes, KeyRing, Purpose, SealRequest,
};

/// Sealing a request body.
#[derive(Debug, Args)]
pub(super) struct Seal {
    /// The service that is to open it.
    #[arg(long, value_name = "SERVICE")]
    to: String,
    /// Who seals: `client` stands for any caller from outside.
    #[arg(long, default_value = CLIENT, value_name = "OWNER")]
    from: String,
    /// The request's method.
    #[arg(long, default_value = "POST")]
    method: String,
    /// The request's path, such as `/api/v1/users/register`.
    #[arg(long)]
    path: String,
    /// The body; read from standard input when it is not given.
    body: Option<String>,
}

/// Opening an answer. For a person: neither its age nor what it was made for is checked.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// The answer's body, or the envelope in it; read from standard input when it is not given.
    body: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    encrypted_data: String,
}

pub(super) fn seal(command: &Seal, invocation: &Invocation) -> anyhow::Result<()> {
    let keys = assembly::keys(&invocation.settings)?;
    let sealing = SealRequest {
        issuer: &command.from,
        audience: &command.to,
        method: &command.method,
        path: &command.path,
        purpose: Purpose::Request,
    };
    let sealed = envelopes(&keys)?.seal(&input(command.body.as_deref())?, sealing)?;
    print(&serde_json::json!({ "encrypted_data": sealed.envelope }).to_string())
}

pub(super) fn open(command: &Open, invocation: &Invocation) -> anyhow::Result<()> {
    let keys = assembly::keys(&invocation.settings)?;
    let input = input(command.body.as_deref())?;
    let envelope = serde_json::from_str(&input).map_or(input, |body: Body| body.encrypted_data);
    print(&envelopes(&keys)?.inspect(&envelope)?.payload)
}

/// With the keys of all components and of outside callers.
pub(super) fn envelopes(keys: &KeyRing) -> anyhow::Result<Envelopes> {
    Ok(Envelopes::new(EnvelopeSettings::default(), keys)?)
}

/// A body that was given, else what standard input has.
pub(super) fn input(given: Option<&str>) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.trim().to_owned());
    }
    let mut input = String::new();
    std::io::stdin()
        .read_to_string(&mut input)
        .context("reading standard input")?;
    Ok(input.trim().to_owned())
}
