//! `spindle:adapter/documents`.

use super::{host_functions, wit::documents as wit};
use crate::capabilities::{Capabilities, Denied, documents as native};

host_functions! {
    wit;
    fn insert(collection: String, documents: Vec<wit::Json>) -> Result<Vec<wit::InsertOutcome>, wit::Error>;
    fn find(collection: String, query: wit::Query) -> Result<Vec<wit::Json>, wit::Error>;
    fn count(collection: String, filter: wit::Json) -> Result<u64, wit::Error>;
    fn count_by(collection: String, field: String, filter: wit::Json) -> Result<Vec<(wit::Json, u64)>, wit::Error>;
    fn count_distinct(collection: String, field: String, filter: wit::Json) -> Result<u64, wit::Error>;
    fn update(collection: String, filter: wit::Json, update: wit::Json) -> Result<u64, wit::Error>;
    fn remove(collection: String, filter: wit::Json) -> Result<u64, wit::Error>;
}

pub(crate) async fn insert(
    capabilities: &Capabilities,
    collection: String,
    documents: Vec<wit::Json>,
) -> Result<Vec<wit::InsertOutcome>, wit::Error> {
    let outcomes = capabilities
        .documents()?
        .insert(&collection, &documents)
        .await?;
    Ok(outcomes.into_iter().map(Into::into).collect())
}

pub(crate) async fn find(
    capabilities: &Capabilities,
    collection: String,
    query: wit::Query,
) -> Result<Vec<wit::Json>, wit::Error> {
    Ok(capabilities
        .documents()?
        .find(&collection, &query.into())
        .await?)
}

pub(crate) async fn count(
    capabilities: &Capabilities,
    collection: String,
    filter: wit::Json,
) -> Result<u64, wit::Error> {
    Ok(capabilities
        .documents()?
        .count(&collection, &filter)
        .await?)
}

pub(crate) async fn count_by(
    capabilities: &Capabilities,
    collection: String,
    field: String,
    filter: wit::Json,
) -> Result<Vec<(wit::Json, u64)>, wit::Error> {
    Ok(capabilities
        .documents()?
        .count_by(&collection, &field, &filter)
        .await?)
}

pub(crate) async fn count_distinct(
    capabilities: &Capabilities,
    collection: String,
    field: String,
    filter: wit::Json,
) -> Result<u64, wit::Error> {
    Ok(capabilities
        .documents()?
        .count_distinct(&collection, &field, &filter)
        .await?)
}

pub(crate) async fn update(
    capabilities: &Capabilities,
    collection: String,
    filter: wit::Json,
    update: wit::Json,
) -> Result<u64, wit::Error> {
    Ok(capabilities
        .documents()?
        .update(&collection, &filter, &update)
        .await?)
}

pub(crate) async fn remove(
    capabilities: &Capabilities,
    collection: String,
    filter: wit::Json,
) -> Result<u64, wit::Error> {
    Ok(capabilities
        .documents()?
        .remove(&collection, &filter)
        .await?)
}

impl From<wit::Query> for native::Query {
    fn from(query: wit::Query) -> Self {
        let wit::Query {
            filter,
            sort,
            skip,
            limit,
        } = query;
        let sort = sort
            .into_iter()
            .map(|(field, direction)| (field, direction.into()))
            .collect();
        Self {
            filter,
            sort,
            skip,
            limit,
        }
    }
}

impl From<wit::Direction> for native::Direction {
    fn from(direction: wit::Direction) -> Self {
        match direction {
            wit::Direction::Ascending => Self::Ascending,
            wit::Direction::Descending => Self::Descending,
        }
    }
}

impl From<native::InsertOutcome> for wit::InsertOutcome {
    fn from(outcome: native::InsertOutcome) -> Self {
        match outcome {
            native::InsertOutcome::Inserted => Self::Inserted,
            native::InsertOutcome::Duplicate => Self::Duplicate,
        }
    }
}

impl From<Denied> for wit::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<native::Error> for wit::Error {
    fn from(error: native::Error) -> Self {
        match error {
            native::Error::Denied(reason) => Self::Denied(reason),
            native::Error::Unavailable(reason) => Self::Unavailable(reason),
            native::Error::Timeout => Self::Timeout,
            native::Error::Invalid(reason) => Self::Invalid(reason),
            native::Error::TooLarge(reason) => Self::TooLarge(reason),
        }
    }
}
