//! Identifies the caller: a user by an access token, or a service by an envelope.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::Failure;
use crate::adapter::tokens;
use crate::headers::X_ACCESS_TOKEN;
use crate::local::local;
use crate::openapi::{ACCESS_TOKEN, BEARER, Describe, OPERATOR, Operation, SERVICE};
use crate::problem::{Problem, kinds};
use crate::sealing::{CLIENT, SealedBy};

/// Extractor: the access token, which is required. It is not checked: [`crate::sql::Sql::for_subject`] and
/// [`crate::Collection::insert_for_subject`] do that, in the same call to the adapter.
pub struct UncheckedToken(pub(crate) String);

/// Why a call for the subject of a token has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectError<E> {
    /// The token was not accepted, and nothing was done.
    Token(TokenRejected),
    /// What was to be done failed, or the token could not be checked.
    Call(E),
}

/// Why an access token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRejected {
    /// It has expired.
    Expired,
    /// Its session has ended.
    Ended,
    /// It is malformed or forged, or is not for this service.
    Invalid,
}

/// Extractor: the claims of the access token, which is required.
#[derive(Debug)]
pub struct Bearer(pub tokens::Claims);

/// Extractor: the id of the user that the access token was issued to. The token is required.
#[derive(Debug)]
pub struct UserId(pub Uuid);

/// Extractor: the service or the user that sent the request. One of them is required.
#[derive(Debug)]
pub enum Caller {
    /// The service that sealed the request, such as `user`.
    Service(String),
    /// The id of the user that the access token was issued to.
    User(String),
}

/// Extractor: like [`Caller`], but an access token is not checked.
#[derive(Debug)]
pub enum UncheckedCaller {
    /// The service that sealed the request.
    Service(String),
    /// The access token of a user.
    User(UncheckedToken),
}

/// Extractor: the operator of the services. The request must be sealed with the key `client`, which
/// only the operator has.
#[derive(Debug)]
pub struct Operator;

impl<S: Sync> FromRequestParts<S> for UncheckedToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let token = token(&parts.headers);
        let token = token.ok_or_else(|| Problem::of(&kinds::UNAUTHENTICATED))?;
        Ok(Self(token))
    }
}

/// A token is a secret.
impl fmt::Debug for UncheckedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UncheckedToken(…)")
    }
}

impl UncheckedToken {
    fn check(self) -> impl Future<Output = Result<tokens::Claims, tokens::Error>> + Send {
        local(tokens::verify(self.0))
    }
}

impl UncheckedCaller {
    /// Checks the access token, if the caller is a user.
    ///
    /// # Errors
    /// 401 if the token is not accepted, 503 if it cannot be checked.
    pub async fn check(self) -> Result<Caller, Problem> {
        Ok(match self {
            Self::Service(name) => Caller::Service(name),
            Self::User(token) => Caller::User(token.check().await?.subject),
        })
    }
}

impl<E: From<Failure>> SubjectError<E> {
    /// For an error about the token.
    pub(crate) fn of_token(error: tokens::Error) -> Self {
        match TokenRejected::of(&error) {
            Some(rejected) => Self::Token(rejected),
            None => Failure::from(error).into(),
        }
    }
}

impl<E: From<Failure>> From<Failure> for SubjectError<E> {
    fn from(failure: Failure) -> Self {
        Self::Call(failure.into())
    }
}

impl TokenRejected {
    /// `None` if the token was not checked.
    pub(crate) fn of(error: &tokens::Error) -> Option<Self> {
        use tokens::Error;
        match error {
            Error::Expired => Some(Self::Expired),
            Error::Ended => Some(Self::Ended),
            Error::Invalid => Some(Self::Invalid),
            Error::Denied(_) | Error::Unavailable(_) => None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = UncheckedToken::from_request_parts(parts, state).await?;
        Ok(Self(token.check().await?))
    }
}

impl<S: Sync> FromRequestParts<S> for UserId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Bearer(claims) = Bearer::from_request_parts(parts, state).await?;
        Self::parse(&claims.subject)
    }
}

impl UserId {
    /// Users have UUIDs, so no user has any other id.
    fn parse(subject: &str) -> Result<Self, Problem> {
        let unknown = |_| Problem::invalid_token("The access token's user does not exist.");
        Uuid::parse_str(subject).map(Self).map_err(unknown)
    }
}

impl<S: Sync> FromRequestParts<S> for UncheckedCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<SealedBy>() {
            Some(SealedBy(issuer)) if issuer != CLIENT => Ok(Self::Service(issuer.clone())),
            _ => UncheckedToken::from_request_parts(parts, state)
                .await
                .map(Self::User),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = UncheckedCaller::from_request_parts(parts, state).await?;
        caller.check().await
    }
}

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<SealedBy>() {
            Some(SealedBy(issuer)) if issuer == CLIENT => Ok(Self),
            _ => {
                let detail = "Only a request that is sealed with the operator's key may do this.";
                Err(Problem::new(&kinds::FORBIDDEN, detail))
            }
        }
    }
}

impl Describe for UncheckedToken {
    fn describe(operation: &mut Operation) {
        operation.security.extend([BEARER, ACCESS_TOKEN]);
        operation.fails_with(&kinds::UNAUTHENTICATED);
        operation.fails_with(&kinds::SESSION_ENDED);
    }
}

impl Describe for Bearer {
    fn describe(operation: &mut Operation) {
        UncheckedToken::describe(operation);
    }
}

impl Describe for UserId {
    fn describe(operation: &mut Operation) {
        Bearer::describe(operation);
    }
}

impl Describe for UncheckedCaller {
    fn describe(operation: &mut Operation) {
        UncheckedToken::describe(operation);
        operation.security.push(SERVICE);
    }
}

impl Describe for Caller {
    fn describe(operation: &mut Operation) {
        UncheckedCaller::describe(operation);
    }
}

impl Describe for Operator {
    fn describe(operation: &mut Operation) {
        operation.security.push(OPERATOR);
        operation.fails_with(&kinds::FORBIDDEN);
    }
}

/// Finds the access token. The standard header, `Authorization: Bearer …`, takes precedence.
fn token(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let bearer = authorization
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token);
    let own = || headers.get(X_ACCESS_TOKEN).and_then(|v| v.to_str().ok());
    let token = bearer.or_else(own)?.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[(&'static str, &str)]) -> Option<String> {
        let pairs = headers.iter();
        token(
            &pairs
                .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
                .collect(),
        )
    }

    #[test]
    fn a_token_is_found_in_either_header() {
        assert_eq!(found(&[("authorization", "Bearer a.b")]).unwrap(), "a.b");
        assert_eq!(found(&[("authorization", "bEARER  a.b")]).unwrap(), "a.b");
        assert_eq!(found(&[("x-access-token", "a.b")]).unwrap(), "a.b");
        let both = [
            ("x-access-token", "own"),
            ("authorization", "Bearer standard"),
        ];
        assert_eq!(found(&both).unwrap(), "standard");
    }

    #[test]
    fn a_token_of_no_user_is_not_valid() {
        let id = "018f4e9a-7b1c-7def-8000-000000000001";
        assert_eq!(UserId::parse(id).unwrap().0.to_string(), id);
        assert_eq!(UserId::parse("ada").unwrap_err().status(), 401);
    }

    #[test]
    fn a_rejected_token_is_told_apart_from_a_failure() {
        use tokens::Error;
        let of = SubjectError::<Failure>::of_token;
        assert_eq!(of(Error::Ended), SubjectError::Token(TokenRejected::Ended));
        for error in [
            Error::Denied(String::new()),
            Error::Unavailable(String::new()),
        ] {
            assert!(matches!(of(error), SubjectError::Call(_)));
        }
    }

    #[test]
    fn other_schemes_and_empty_tokens_are_none() {
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[("authorization", "Basic YTpi")]), None);
        assert_eq!(found(&[("authorization", "Bearer")]), None);
        assert_eq!(found(&[("authorization", "Bearer ")]), None);
        assert_eq!(found(&[("x-access-token", " ")]), None);
    }
}
