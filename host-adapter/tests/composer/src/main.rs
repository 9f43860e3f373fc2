//! `composer COMPONENT CLIENT OUTPUT`: composes the components that `bench/sidecar` measures.

use std::{env, ffi::OsString, fs};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let mut paths = env::args_os().skip(1);
    let mut path = || {
        paths
            .next()
            .context("usage: composer COMPONENT CLIENT OUTPUT")
    };
    let (component, client, output) = (path()?, path()?, path()?);
    let read = |path: OsString| {
        fs::read(&path).with_context(|| format!("reading `{}`", path.to_string_lossy()))
    };
    let composed = composer::compose(read(component)?, read(client)?)?;
    Ok(fs::write(output, composed)?)
}
