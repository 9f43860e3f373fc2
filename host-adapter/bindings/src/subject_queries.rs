//! `spindle:adapter/subject-queries`.

use adapter_contract::{
    postgres::{self, Value},
    subject_queries::{Error, Functions, SubjectRows, TokenError},
    tokens::Functions as _,
};
use uuid::Uuid;

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn fetch(
        &self,
        token: String,
        sql: String,
        mut params: Vec<Value>,
    ) -> Result<SubjectRows, Error> {
        let claims = self.verify(token).await.map_err(Error::Token)?;
        if Uuid::try_parse(&claims.subject).is_err() {
            return Err(Error::Token(TokenError::Invalid));
        }
        params.insert(0, Value::Uuid(claims.subject.clone()));
        let rows = postgres::Functions::fetch(self, sql, params).await;
        let rows = rows.map_err(Error::Statement)?;
        Ok(SubjectRows { claims, rows })
    }
}
