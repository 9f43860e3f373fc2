//! Statements that return or count documents.

use futures_util::TryStreamExt as _;
use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::super::{Bounds, Collection, Error, Filter, Path, Sort};
use super::{
    Jsonb, condition, jsonpath, order, plan,
    statement::{Parameter, Statement},
};
use crate::postgres::{self, Pool};

impl Jsonb {
    pub(in crate::documents) async fn find(
        &self,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        bounds: Bounds,
    ) -> Result<Vec<String>, Error> {
        let mut statement = Statement::default();
        // The outer query converts only the documents that are returned. The inner one would also convert those that
        // it skips or sorts. PostgreSQL keeps its order.
        statement.text("select body::text from (select t.body");
        let indexes = self.indexes.list();
        if let Some(plan) = plan::choose(&indexes, collection, filter, sort) {
            let max_rows = i64::from(bounds.skip) + i64::from(bounds.limit);
            plan.append_ordered_source(&mut statement, collection, filter, sort, max_rows);
            order::append_keys(&mut statement, sort);
        } else {
            statement.text(" from ").table(collection).text(" t");
            order::append_keys(&mut statement, sort);
            condition::append_where(&mut statement, filter);
        }
        order::append_order(&mut statement, sort);
        append_bounds(&mut statement, bounds);
        statement.text(") as found");
        fetch_rows(&self.pool, statement, bounds.max_bytes, |row| {
            let document: String = row.try_get(0)?;
            Ok((document.len(), document))
        })
        .await
    }

    pub(in crate::documents) async fn count(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        let mut statement = Statement::default();
        statement.text("select count(*)");
        append_matching(&mut statement, self, collection, filter);
        fetch_count(&self.pool, statement).await
    }

    pub(in crate::documents) async fn count_by(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
        bounds: Bounds,
    ) -> Result<Vec<(String, u64)>, Error> {
        let mut statement = Statement::default();
        statement.text("select v::text, n from (");
        append_groups(&mut statement, self, collection, field, filter);
        statement.text(") as groups order by n desc, ");
        order::append_by_value(&mut statement);
        // Breaks ties among arrays and among objects, which the order of values does not compare.
        statement.text(", v::text collate \"C\"");
        append_bounds(&mut statement, bounds);
        fetch_rows(&self.pool, statement, bounds.max_bytes, |row| {
            let value: String = row.try_get(0)?;
            Ok((value.len(), (value, to_count(row.try_get(1)?))))
        })
        .await
    }

    pub(in crate::documents) async fn count_distinct(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
    ) -> Result<u64, Error> {
        let mut statement = Statement::default();
        statement.text("select count(*) from (");
        append_groups(&mut statement, self, collection, field, filter);
        statement.text(") as groups where v <> 'null'");
        fetch_count(&self.pool, statement).await
    }
}

/// Appends a query for one row `(v, n)` per value of a field. `count(distinct …)` would have to sort.
fn append_groups(
    statement: &mut Statement,
    store: &Jsonb,
    collection: &Collection,
    field: &Path,
    filter: &Filter,
) {
    statement.text("select coalesce(jsonb_path_query_first(t.body, ");
    statement.parameter(Parameter::Text(jsonpath::exact_path(field)));
    statement.text("::jsonpath, '{}', true), 'null') as v, count(*) as n");
    append_matching(statement, store, collection, filter);
    statement.text(" group by 1");
}

/// Appends ` from … t` for the matching documents, without an order.
fn append_matching(
    statement: &mut Statement,
    store: &Jsonb,
    collection: &Collection,
    filter: &Filter,
) {
    let indexes = store.indexes.list();
    match plan::choose(&indexes, collection, filter, &Sort::default()) {
        Some(plan) => plan.append_source(statement, collection, filter),
        None => {
            statement.text(" from ").table(collection).text(" t");
            condition::append_where(statement, filter);
        }
    }
}

fn append_bounds(statement: &mut Statement, bounds: Bounds) {
    statement
        .text(" limit ")
        .parameter(Parameter::Number(bounds.limit.into()));
    statement
        .text(" offset ")
        .parameter(Parameter::Number(bounds.skip.into()));
}

/// Decodes a row into its size in bytes and its content.
type DecodeRow<T> = fn(&PgRow) -> Result<(usize, T), sqlx::Error>;

async fn fetch_rows<T: Send + 'static>(
    pool: &Pool,
    statement: Statement,
    max_bytes: usize,
    decode: DecodeRow<T>,
) -> Result<Vec<T>, Error> {
    let rows = pool
        .run(move |connection| Box::pin(collect_rows(connection, statement, max_bytes, decode)))
        .await?;
    Ok(rows)
}

/// Reads row by row, so that a result above `max_bytes` is never in memory as a whole.
async fn collect_rows<T>(
    connection: &mut PgConnection,
    statement: Statement,
    max_bytes: usize,
    decode: DecodeRow<T>,
) -> Result<Vec<T>, postgres::Error> {
    let mut stream = statement.into_query().fetch(connection);
    let (mut bytes, mut rows) = (0, Vec::new());
    while let Some(row) = stream.try_next().await? {
        let (size, content) = decode(&row)?;
        bytes += size;
        if bytes > max_bytes {
            return Err(postgres::Error::TooLarge(format!(
                "the result is larger than {max_bytes} bytes"
            )));
        }
        rows.push(content);
    }
    Ok(rows)
}

/// Runs a statement that returns ids.
pub(super) async fn fetch_ids(pool: &Pool, statement: Statement) -> Result<Vec<String>, Error> {
    let ids = pool.run(move |connection| {
        Box::pin(async move {
            let rows = statement.into_query().fetch_all(connection).await?;
            Ok(rows
                .iter()
                .map(|row| row.try_get(0))
                .collect::<Result<Vec<String>, _>>()?)
        })
    });
    Ok(ids.await?)
}

async fn fetch_count(pool: &Pool, statement: Statement) -> Result<u64, Error> {
    let number = pool
        .run(move |connection| {
            Box::pin(async move {
                Ok(statement
                    .into_query()
                    .fetch_one(connection)
                    .await?
                    .try_get(0)?)
            })
        })
        .await?;
    Ok(to_count(number))
}

/// Converts PostgreSQL's count, which is signed and never negative.
fn to_count(count: i64) -> u64 {
    count.unsigned_abs()
}
