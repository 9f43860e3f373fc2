//! Indexes as expression indexes of PostgreSQL, and the list of existing indexes.
//!
//! MongoDB's indexes have an entry per array element, and an expression has one value per document. An
//! index is therefore two PostgreSQL indexes: one on the documents whose fields are plain, ordered by
//! their keys (`keys.sql`), and one that finds the other documents, which are rare. [`super::plan`]
//! describes how a query uses both. A unique index has a third one, on all documents.
//!
//! A collection with a declared index has no general one (see [`super::tables`]): its queries are known,
//! and the general index would make each insert several times as expensive.

use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, PgConnection, Row as _};

use super::super::{Collection, Direction, Error, Index, IndexError, Path};
use super::{Jsonb, statement::Statement, tables};
use crate::postgres::{self, Definitions, Pool};

const DECLARATIONS: &str = "select obj_description(c.oid, 'pg_class') from pg_catalog.pg_class c \
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'i' \
    and obj_description(c.oid, 'pg_class') is not null";

/// The names of the valid indexes.
const VALID: &str = "select c.relname from pg_catalog.pg_class c \
    join pg_catalog.pg_index i on i.indexrelid = c.oid \
    where c.relnamespace = current_schema()::regnamespace and i.indisvalid";

const UNIQUE_VIOLATION: &str = "23505";

/// The indexes that queries may use. An index that another process creates is unknown here until the
/// next [`Indexes::load`].
#[derive(Debug, Clone, Default)]
pub(super) struct Indexes(Arc<RwLock<Arc<[Index]>>>);

impl Indexes {
    pub(super) fn list(&self) -> Arc<[Index]> {
        let list = self.0.read();
        list.unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Loads the list from the database.
    pub(super) async fn load(&self, pool: &Pool) -> Result<(), Error> {
        let found = pool
            .run(|connection| Box::pin(async { Ok(read_declared(connection).await?) }))
            .await?;
        self.replace(found);
        Ok(())
    }

    fn replace(&self, found: Vec<Index>) {
        let mut list = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *list = found.into();
    }
}

/// The definition of an index, stored as a comment on it.
#[derive(Serialize, Deserialize)]
struct Declaration {
    collection: String,
    index: String,
    fields: Vec<String>,
    unique: bool,
}

impl Declaration {
    fn new(index: &Index) -> Self {
        let field = |(path, direction): &(Path, Direction)| match direction {
            Direction::Ascending => path.to_string(),
            Direction::Descending => format!("-{path}"),
        };
        Self {
            collection: index.collection().as_str().to_owned(),
            index: index.name().to_owned(),
            fields: index.fields().iter().map(field).collect(),
            unique: index.is_unique(),
        }
    }
}

impl Jsonb {
    /// Creates an index and returns whether it was missing.
    pub(in crate::documents) async fn create_index(
        &self,
        index: &Index,
    ) -> Result<bool, IndexError> {
        let store_error = |error: postgres::Error| index.store_error(error.into());
        let mut connection = self
            .pool
            .connect_without_timeout()
            .await
            .map_err(store_error)?;
        let created = create_in_transaction(&mut connection, index).await;
        let is_new = match created {
            Ok(is_new) => is_new,
            Err(Failure::Conflict) => return Err(index.conflict_error()),
            Err(Failure::Sql(error)) if is_unique_violation(&error) => {
                return Err(index.duplicates_error());
            }
            Err(Failure::Sql(error)) => return Err(store_error(error.into())),
        };
        self.indexes
            .load(&self.pool)
            .await
            .map_err(|error| index.store_error(error))?;
        Ok(is_new)
    }

    /// Removes an index if it exists.
    pub(in crate::documents) async fn drop_index(
        &self,
        collection: &Collection,
        name: &str,
    ) -> Result<(), Error> {
        let mut connection = self.pool.connect_without_timeout().await?;
        for part in Part::ALL {
            let mut statement = Statement::default();
            statement
                .text("drop index if exists ")
                .index(collection, name, part.suffix());
            let dropped = statement.into_query().execute(&mut connection).await;
            dropped.map_err(postgres::Error::from)?;
        }
        self.indexes.load(&self.pool).await
    }

    /// Returns the indexes of a collection that have all their parts.
    pub(in crate::documents) async fn indexes(
        &self,
        collection: &Collection,
    ) -> Result<Vec<Index>, Error> {
        let mut connection = self.pool.connect_without_timeout().await?;
        let read = async {
            let valid: Vec<String> = sqlx::query_scalar(VALID).fetch_all(&mut connection).await?;
            let mut declared = read_declared(&mut connection).await?;
            declared.retain(|index| index.collection() == collection && is_complete(index, &valid));
            Ok(declared)
        };
        read.await
            .map_err(|error: sqlx::Error| postgres::Error::from(error).into())
    }
}

fn is_complete(index: &Index, valid: &[String]) -> bool {
    let mut parts = Part::ALL.into_iter().filter(|part| part.belongs_to(index));
    parts.all(|part| {
        let name = format!(
            "{}.{}{}",
            index.collection().as_str(),
            index.name(),
            part.suffix()
        );
        valid.contains(&name)
    })
}

/// One of the PostgreSQL indexes that implement an index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Plain documents in order. Its comment is the declaration.
    Order,
    /// The other documents.
    Rest,
    /// All documents. A violation reports its name.
    Unique,
}

impl Part {
    const ALL: [Self; 3] = [Self::Order, Self::Rest, Self::Unique];

    fn suffix(self) -> &'static str {
        match self {
            Self::Order => ".order",
            Self::Rest => ".rest",
            Self::Unique => "",
        }
    }

    fn belongs_to(self, index: &Index) -> bool {
        self != Self::Unique || index.is_unique()
    }
}

enum Failure {
    Conflict,
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// Creates all parts atomically.
async fn create_in_transaction(
    connection: &mut PgConnection,
    index: &Index,
) -> Result<bool, Failure> {
    let mut transaction = connection.begin().await?;
    Definitions::Indexes.lock(&mut transaction).await?;
    let declared = read_declared(&mut transaction).await?;
    let same_name = declared
        .iter()
        .find(|other| (other.collection(), other.name()) == (index.collection(), index.name()));
    match same_name {
        Some(other) if other == index => return Ok(false),
        Some(_) => return Err(Failure::Conflict),
        None => {}
    }
    for part in Part::ALL {
        if part.belongs_to(index) {
            create_part(index, part)
                .into_query()
                .execute(&mut *transaction)
                .await?;
        }
    }
    tables::drop_general_index(&mut transaction, index.collection()).await?;
    let declaration = serde_json::to_string(&Declaration::new(index)).unwrap_or_default();
    let mut comment = Statement::default();
    comment
        .text("comment on index ")
        .index(index.collection(), index.name(), Part::Order.suffix())
        .text(" is ")
        .literal(&declaration);
    comment.into_query().execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

fn create_part(index: &Index, part: Part) -> Statement {
    let mut statement = Statement::default();
    statement.text(if part == Part::Unique {
        "create unique index "
    } else {
        "create index "
    });
    statement
        .index(index.collection(), index.name(), part.suffix())
        .text(" on ")
        .table(index.collection())
        .text(" (");
    append_columns(&mut statement, index, part);
    statement.text(")");
    if part != Part::Unique {
        statement.text(" where ");
        append_plain(&mut statement, index, part == Part::Order);
    }
    statement
}

fn append_columns(statement: &mut Statement, index: &Index, part: Part) {
    if part == Part::Rest {
        statement.text("id");
        return;
    }
    for (number, (path, direction)) in index.fields().iter().enumerate() {
        statement.text(if number == 0 { "" } else { ", " });
        append_key(statement, path);
        statement.text(match direction {
            Direction::Ascending => "",
            Direction::Descending => " desc",
        });
    }
    if part == Part::Order {
        statement.text(", id");
    }
}

/// Appends the key expression of a field of `body`.
pub(super) fn append_key(statement: &mut Statement, path: &Path) {
    statement
        .text("(spindle_key_1(body #> ")
        .path(path)
        .text(") collate \"C\")");
}

/// Appends the condition that all fields of the index are plain, or its negation.
pub(super) fn append_plain(statement: &mut Statement, index: &Index, plain: bool) {
    statement.text(if plain { "(" } else { "not (" });
    for (number, (path, _)) in index.fields().iter().enumerate() {
        statement.text(if number == 0 { "" } else { " and " });
        statement
            .text("spindle_plain_1(body, ")
            .path(path)
            .text(")");
    }
    statement.text(")");
}

pub(super) async fn read_declared(
    connection: &mut PgConnection,
) -> Result<Vec<Index>, sqlx::Error> {
    let rows = sqlx::query(DECLARATIONS).fetch_all(connection).await?;
    let mut indexes = Vec::new();
    for row in rows {
        let comment: String = row.try_get(0)?;
        // An index with another comment was not created by the adapter.
        let Ok(declaration) = serde_json::from_str::<Declaration>(&comment) else {
            continue;
        };
        let Declaration {
            collection,
            index,
            fields,
            unique,
        } = declaration;
        indexes.extend(Index::new(&collection, &index, &fields, unique));
    }
    Ok(indexes)
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(UNIQUE_VIOLATION)
}
