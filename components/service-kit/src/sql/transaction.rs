//! Statements and messages that take effect together or not at all.

use std::fmt::Display;

use serde::Serialize;

use super::{Error, Sql};
use crate::Failure;
pub use crate::adapter::postgres::Message;
use crate::adapter::postgres::{self, Statement};

/// A transaction. [`Self::commit`] runs it.
#[derive(Debug)]
#[must_use = "a transaction does nothing until it is committed"]
pub struct Transaction {
    statements: Result<Vec<Statement>, Failure>,
    messages: Vec<Message>,
}

/// Creates a message to `peer`, which is delivered as `POST path` once its transaction is committed.
///
/// It may arrive several times. It has the same `idempotency_key` each time, so that the peer can
/// recognize a repetition. Messages arrive in any order, unless [`Message::key`] is set.
///
/// # Errors
/// If `body` cannot be written as JSON.
pub fn message(
    peer: &str,
    path: &str,
    idempotency_key: impl Display,
    body: &impl Serialize,
) -> Result<Message, Failure> {
    let body = serde_json::to_string(body)
        .map_err(|error| Failure::internal(format!("writing a message: {error}")))?;
    Ok(Message {
        peer: peer.to_owned(),
        path: path.to_owned(),
        body,
        idempotency_key: idempotency_key.to_string(),
        key: None,
    })
}

impl Default for Transaction {
    fn default() -> Self {
        Self::new()
    }
}

impl Transaction {
    /// Creates a transaction without statements.
    pub fn new() -> Self {
        Self {
            statements: Ok(Vec::new()),
            messages: Vec::new(),
        }
    }

    /// Adds a statement, which runs after the earlier ones.
    pub fn execute(mut self, sql: Sql) -> Self {
        if let Ok(statements) = &mut self.statements {
            match sql.into_statement() {
                Ok(statement) => statements.push(statement),
                Err(failure) => self.statements = Err(failure),
            }
        }
        self
    }

    /// Requires the last statement to affect this many rows. If it affects another number, the
    /// transaction has no effect and [`Self::commit`] fails with [`Error::UnexpectedRows`].
    pub fn expect_rows(mut self, rows: u64) -> Self {
        if let Ok(statements) = &mut self.statements {
            match statements.last_mut() {
                Some(statement) => statement.expected_rows = Some(rows),
                None => {
                    let cause = "`expect_rows` was called before the first `execute`";
                    self.statements = Err(Failure::internal(cause));
                }
            }
        }
        self
    }

    /// Adds a message, which is delivered once the transaction is committed; see [`message`].
    pub fn send(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Runs all statements and accepts all messages for delivery, or changes nothing.
    ///
    /// # Errors
    /// If a statement fails, or affects another number of rows than expected.
    pub async fn commit(self) -> Result<(), Error> {
        postgres::transact(self.statements?, self.messages).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::sql;

    #[test]
    fn an_expected_number_of_rows_belongs_to_the_last_statement() {
        let transaction = Transaction::new()
            .execute(sql("select 1"))
            .execute(sql("select $1::int8").bind(2_i64))
            .expect_rows(1);
        let expected = transaction.statements.unwrap();
        let expected: Vec<_> = expected.iter().map(|one| one.expected_rows).collect();
        assert_eq!(expected, [None, Some(1)]);
    }

    #[test]
    fn an_expectation_without_a_statement_is_a_failure() {
        assert!(Transaction::new().expect_rows(1).statements.is_err());
    }
}
