//! `spindle:adapter/postgres`.

use adapter_contract::postgres::{Error, Functions, Message, Outcome, ResultSet, Statement, Value};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn fetch(&self, sql: String, params: Vec<Value>) -> Result<ResultSet, Error> {
        Ok(self.0.postgres()?.fetch(sql, params).await?)
    }

    async fn execute(&self, sql: String, params: Vec<Value>) -> Result<u64, Error> {
        Ok(self.0.postgres()?.execute(sql, params).await?)
    }

    async fn transact(
        &self,
        statements: Vec<Statement>,
        messages: Vec<Message>,
    ) -> Result<Vec<Outcome>, Error> {
        Ok(self.0.postgres()?.transact(statements, messages).await?)
    }
}
