//! `spindle:adapter/documents`.

use std::sync::Arc;

use wasmtime::component::Accessor;

use super::{Adapter, capabilities, wit::documents as wit};
use crate::capabilities::{Capabilities, Denied, documents as native};

impl wit::Host for &Arc<Capabilities> {}

impl<T: Send> wit::HostWithStore<T> for Adapter {
    async fn insert(
        accessor: &Accessor<T, Self>,
        collection: String,
        documents: Vec<wit::Json>,
    ) -> Result<Vec<wit::InsertOutcome>, wit::Error> {
        let capabilities = capabilities(accessor);
        let outcomes = capabilities
            .documents()?
            .insert(&collection, &documents)
            .await?;
        Ok(outcomes.into_iter().map(Into::into).collect())
    }

    async fn find(
        accessor: &Accessor<T, Self>,
        collection: String,
        query: wit::Query,
    ) -> Result<Vec<wit::Json>, wit::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities
            .documents()?
            .find(&collection, &query.into())
            .await?)
    }

    async fn count(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: wit::Json,
    ) -> Result<u64, wit::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities
            .documents()?
            .count(&collection, &filter)
            .await?)
    }

    async fn count_by(
        accessor: &Accessor<T, Self>,
        collection: String,
        field: String,
        filter: wit::Json,
    ) -> Result<Vec<(wit::Json, u64)>, wit::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities
            .documents()?
            .count_by(&collection, &field, &filter)
            .await?)
    }

    async fn count_distinct(
        accessor: &Accessor<T, Self>,
        collection: String,
        field: String,
        filter: wit::Json,
    ) -> Result<u64, wit::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities
            .documents()?
            .count_distinct(&collection, &field, &filter)
            .await?)
    }

    async fn update(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: wit::Json,
        update: wit::Json,
    ) -> Result<u64, wit::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities
            .documents()?
            .update(&collection, &filter, &update)
            .await?)
    }

    async fn remove(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: wit::Json,
    ) -> Result<u64, wit::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities
            .documents()?
            .remove(&collection, &filter)
            .await?)
    }
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
