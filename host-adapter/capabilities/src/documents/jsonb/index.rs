//! Indexes as expression indexes, and the list of those that there are.
//!
//! MongoDB has an entry per element of an array; an expression has one value per document. So an index
//! here is two: one over the documents whose fields are plain, ordered by their keys (`keys.sql`), and
//! one that only finds the others, of which most collections have none. See [`super::plan`] for how a
//! query uses both. A unique index is a third, over all documents.

use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, PgConnection, Row as _};

use super::super::{Collection, Direction, Error, Index, IndexError, Path};
use super::{ddl, statement::Statement};
use crate::postgres::{self, Pool};

const DECLARED: &str = "select obj_description(c.oid, 'pg_class') from pg_catalog.pg_class c \
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'i' \
    and obj_description(c.oid, 'pg_class') is not null";

const UNIQUE_VIOLATION: &str = "23505";

/// The indexes that queries may use. Another process may have made more, which then help nobody here.
#[derive(Debug, Clone, Default)]
pub(super) struct Indexes(Arc<RwLock<Arc<[Index]>>>);

impl Indexes {
    pub(super) fn list(&self) -> Arc<[Index]> {
        let list = self.0.read();
        list.unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Reads which there are.
    pub(super) async fn load(&self, pool: &Pool) -> Result<(), Error> {
        let found = pool
            .run(|connection| Box::pin(async { Ok(declared(connection).await?) }))
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

/// What is kept as a comment on an index.
#[derive(Serialize, Deserialize)]
struct Declaration {
    collection: String,
    index: String,
    fields: Vec<String>,
    unique: bool,
}

impl Declaration {
    fn of(index: &Index) -> Self {
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

/// Makes an index, and says whether it was not there yet.
pub(super) async fn create(
    pool: &Pool,
    indexes: &Indexes,
    index: &Index,
) -> Result<bool, IndexError> {
    let failed = |error: postgres::Error| index.failed(error.into());
    let mut connection = pool.connect_without_timeout().await.map_err(failed)?;
    let created = create_in_transaction(&mut connection, index).await;
    let made = match created {
        Ok(made) => made,
        Err(Failure::Different) => return Err(index.different()),
        Err(Failure::Sql(error)) if is_duplicate(&error) => return Err(index.duplicates()),
        Err(Failure::Sql(error)) => return Err(failed(error.into())),
    };
    indexes
        .load(pool)
        .await
        .map_err(|error| index.failed(error))?;
    Ok(made)
}

/// Takes an index away; nothing happens where there is none.
pub(super) async fn drop(
    pool: &Pool,
    indexes: &Indexes,
    collection: &Collection,
    name: &str,
) -> Result<(), Error> {
    let mut connection = pool.connect_without_timeout().await?;
    for part in Part::ALL {
        let mut statement = Statement::default();
        statement
            .text("drop index if exists ")
            .index(collection, name, part.suffix());
        let dropped = statement.query().execute(&mut connection).await;
        dropped.map_err(postgres::Error::from)?;
    }
    indexes.load(pool).await
}

/// One of PostgreSQL's indexes that make up one of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Plain documents in order. It bears the declaration.
    Order,
    /// The other documents.
    Rest,
    /// All documents; its name is what a violation tells.
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
}

enum Failure {
    Different,
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// All parts or none.
async fn create_in_transaction(
    connection: &mut PgConnection,
    index: &Index,
) -> Result<bool, Failure> {
    let mut transaction = connection.begin().await?;
    ddl::lock(&mut transaction).await?;
    let declared = declared(&mut transaction).await?;
    let same_name = declared
        .iter()
        .find(|other| (other.collection(), other.name()) == (index.collection(), index.name()));
    match same_name {
        Some(other) if other == index => return Ok(false),
        Some(_) => return Err(Failure::Different),
        None => {}
    }
    for part in Part::ALL {
        if part != Part::Unique || index.is_unique() {
            create_part(index, part)
                .query()
                .execute(&mut *transaction)
                .await?;
        }
    }
    let declaration = serde_json::to_string(&Declaration::of(index)).unwrap_or_default();
    let mut comment = Statement::default();
    comment
        .text("comment on index ")
        .index(index.collection(), index.name(), Part::Order.suffix())
        .text(" is ")
        .literal(&declaration);
    comment.query().execute(&mut *transaction).await?;
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

/// Appends the key of a field of `body`.
pub(super) fn append_key(statement: &mut Statement, path: &Path) {
    statement
        .text("(spindle_key_1(body #> ")
        .path(path)
        .text(") collate \"C\")");
}

/// Appends whether all the index's fields are plain, or not.
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

async fn declared(connection: &mut PgConnection) -> Result<Vec<Index>, sqlx::Error> {
    let rows = sqlx::query(DECLARED).fetch_all(connection).await?;
    let mut indexes = Vec::new();
    for row in rows {
        let comment: String = row.try_get(0)?;
        // Somebody's own comment on an index of somebody's own.
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

fn is_duplicate(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(UNIQUE_VIOLATION)
}
