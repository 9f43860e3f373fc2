//! Sends a call to the adapter and reads the answer.

use std::cell::Cell;
use std::time::{Duration, Instant};

use adapter_wire::Format;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::request::{self, Request};
use crate::settings::{Address, Settings, settings};
use crate::{sockets, web};

/// The shortest time for a call. A host may take no time at all for no limit.
const SHORTEST: Duration = Duration::from_millis(1);

thread_local! {
    /// The form of calls over sockets. It is JSON after an adapter of another build has said that it has other types.
    static FORMAT: Cell<Format> = const { Cell::new(Format::Binary) };
}

/// A call on its way: the function's path, such as `postgres/fetch`, and its arguments.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) function: &'static str,
    pub(crate) arguments: &'a [u8],
    /// The form of the arguments, and of the result.
    pub(crate) format: Format,
    /// The service's own request.
    pub(crate) request: &'a Request,
    /// How long the caller of that request still waits, if it has said so.
    pub(crate) time_left: Option<Duration>,
    /// How long the call may take.
    pub(crate) limit: Duration,
}

/// What came of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The result, in the form of the call.
    Result(Vec<u8>),
    /// The call was not made, because the adapter has other types. It has to be JSON.
    OtherTypes,
}

/// Calls `function` with its arguments as a tuple.
pub(crate) async fn exchange<T: DeserializeOwned>(
    function: &'static str,
    arguments: &impl Serialize,
) -> Result<T, Failure> {
    // Before this call waits: afterwards the service may work for another request.
    let request = request::current();
    let settings = settings().await?;
    let mut format = settings.format();
    loop {
        let written = format.encode(arguments, Vec::with_capacity(256));
        let written = written.map_err(|error| {
            Failure::Invalid(format!("the arguments could not be written: {error}"))
        })?;
        match send(&settings, &request, function, &written, format).await? {
            Reply::Result(answer) => return read(format, &answer),
            Reply::OtherTypes if format == Format::Json => return Err(Failure::other_types()),
            Reply::OtherTypes => FORMAT.set(Format::Json),
        }
        format = Format::Json;
    }
}

fn read<T: DeserializeOwned>(format: Format, answer: &[u8]) -> Result<T, Failure> {
    format.decode(answer).map_err(|error| {
        Failure::Unavailable(format!("the adapter's answer could not be read: {error}"))
    })
}

/// Sends a call. It does not depend on the function's types, so that it is compiled once and not for each function.
async fn send(
    settings: &Settings,
    request: &Request,
    function: &'static str,
    arguments: &[u8],
    format: Format,
) -> Result<Reply, Failure> {
    let time_left = request.deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        left.max(SHORTEST)
    });
    let call = Call {
        function,
        arguments,
        format,
        request,
        time_left,
        limit: time_left.map_or(settings.deadline, |left| left.min(settings.deadline)),
    };
    match &settings.address {
        Address::Socket(address) => sockets::call(*address, settings, &call).await,
        Address::Web(url) => web::call(url, settings, &call).await.map(Reply::Result),
    }
}

impl Settings {
    /// The form in which the adapter is called.
    fn format(&self) -> Format {
        match self.address {
            Address::Socket(_) => FORMAT.get(),
            Address::Web(_) => Format::Json,
        }
    }
}
